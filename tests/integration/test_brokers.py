"""The brokers that we bring: what they keep, what they refuse, and what they say then."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.kafka.apache import ApacheKafka
from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.jars import java_17, resolve_jars
from deploy.kafka.topics import create_topics
from streams.contracts.errors import BrokerUnavailable, UserError
from streams.contracts.topics import PLAY_RECORDED, TOPICS, Topic
from tests.support.kafka import Kafka


async def produce(bootstrap: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")
    await producer.start()
    for value in values:
        await producer.send_and_wait(PLAY_RECORDED.name, value, partition=0)
    await producer.stop()


async def consume(bootstrap: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(PLAY_RECORDED.name, 0)])
    values: list[bytes] = []
    async with asyncio.timeout(20):
        while len(values) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                values += [record.value for record in records]
    await consumer.stop()
    return values


async def test_topics_appear_on_the_in_process_broker() -> None:
    with InProcessBroker() as broker:
        assert await create_topics(broker.bootstrap) == ()
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        described = {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics()}
        await admin.close()
    assert described == {topic.name: topic.partitions for topic in TOPICS}


def test_in_process_broker_starts_and_stops_twice() -> None:
    broker = InProcessBroker()
    first = broker.start()
    assert broker.start() == first
    broker.stop()
    broker.stop()
    host, port = first.split(":")
    with pytest.raises(OSError), socket.create_connection((host, int(port)), timeout=1):
        pass


async def test_topics_without_a_broker_are_a_clear_error() -> None:
    with pytest.raises(BrokerUnavailable, match="cannot be reached"):
        await create_topics("127.0.0.1:1", timeout_s=5)


async def test_a_broker_that_answers_nothing_has_a_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            await create_topics(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=1)
    assert time.monotonic() - started < 5


def test_no_java_and_no_maven_say_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as no_java:
        java_17()
    assert "Java 17" in no_java.value.message
    assert "apt install" in no_java.value.cure
    with pytest.raises(UserError) as no_maven:
        resolve_jars(tmp_path / "libs")
    assert "Maven" in no_maven.value.message
    assert "apt install maven" in no_maven.value.cure
    with pytest.raises(UserError, match="Java 17"):
        ApacheKafka(tmp_path / "kafka").start()


def test_an_old_java_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(UserError, match="this is 11"):
        java_17()


@pytest.mark.apache_kafka
async def test_topics_have_their_settings(apache_kafka: Kafka) -> None:
    """The fixture made them anew by `create_topics`: tests before this one change settings of theirs."""
    assert await create_topics(apache_kafka.bootstrap) == (), "the second time there is nothing to do"
    admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka.bootstrap)
    await admin.start()
    try:
        names = [topic.name for topic in TOPICS]
        partitions = {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics(names)}
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    finally:
        await admin.close()
    settings = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }
    for topic in TOPICS:
        assert partitions[topic.name] == topic.partitions
        for name, value in topic.settings().items():
            assert settings[topic.name][name] == value, (topic.name, name)


@pytest.mark.apache_kafka
async def test_fewer_partitions_than_ours_are_refused(apache_broker: ApacheKafka) -> None:
    def named(partitions: int) -> Topic:
        return Topic(
            name="test.partitions.v1",
            key="listener",
            event=None,
            meaning="",
            partitions=partitions,
            retention_ms=1000,
            writers="",
            readers="",
        )

    await create_topics(apache_broker.bootstrap, [named(1)])
    with pytest.raises(UserError, match="has 1 partitions, not 2"):
        await create_topics(apache_broker.bootstrap, [named(2)])


@pytest.mark.apache_kafka
@pytest.mark.slow
async def test_apache_keeps_what_it_acknowledged_through_stop_and_kill(tmp_path: Path, kafka_jars: Path) -> None:
    broker = ApacheKafka(tmp_path, libs=kafka_jars)
    bootstrap = await asyncio.to_thread(broker.start)
    try:
        assert broker.start() == bootstrap, "starting twice changes nothing"
        with pytest.raises(UserError, match="Another process runs Kafka"):
            ApacheKafka(tmp_path, libs=kafka_jars).start()
        await create_topics(bootstrap)
        first = [b"%d" % number for number in range(200)]
        await produce(bootstrap, first)
        started = time.monotonic()
        broker.stop()
        assert time.monotonic() - started < 5
        assert not broker.running()
        assert await asyncio.to_thread(broker.start) == bootstrap, "clients that wait find it again"
        second = [b"%d" % number for number in range(200, 400)]
        await produce(bootstrap, second)
        broker.kill()
        assert await asyncio.to_thread(broker.start) == bootstrap
        assert await consume(bootstrap, 400) == first + second
        assert (tmp_path / "server.properties").read_text().count("127.0.0.1") >= 4, "loopback only"
    finally:
        broker.stop()


@pytest.mark.apache_kafka
def test_a_broker_that_ends_says_why(tmp_path: Path, kafka_jars: Path) -> None:
    broker = ApacheKafka(tmp_path, libs=kafka_jars)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=x\n")
    with pytest.raises(BrokerUnavailable, match="Kafka ended with code"):
        broker.start()
    assert not broker.running()
    assert broker.pid is None
