"""The publisher on real brokers: what is published is there, and the window waits for commits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.kafka.inprocess import InProcessBroker
from streams.batches import MIB
from streams.contracts import codec
from streams.contracts.errors import BrokerUnavailable, SpotifireError, UserError
from streams.contracts.events import ArtistDescribed, ListenerProfile, PlayRecorded
from streams.contracts.topics import (
    ARTIST_DESCRIBED,
    DEAD_LETTER,
    LISTENER_PROFILE,
    PLAY_ENRICHED,
    PLAY_RECORDED,
    Topic,
)
from streams.publisher import Publisher, PublisherSettings
from tests.support.kafka import Kafka
from tests.support.recorder import NOW, play, uri

LONG = 3.0  # a publish that has not returned by then waits for a commit


def publishing(kafka: Kafka, **more: Any) -> Publisher:
    """Without compression, unless asked for: then the bytes of a window can be counted by hand."""
    about = {"compression": None, **more}
    return Publisher(PublisherSettings(bootstrap=kafka.bootstrap, group=kafka.group, **about))


def topic_named(name: str) -> Topic:
    return Topic(
        name=name, key="listener", event=None, meaning="", partitions=1, retention_ms=1, writers="", readers=""
    )


class Reader:
    """A member of the group that commits when told to, and checks that nothing is missing."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer
        self.records: list[ConsumerRecord] = []

    async def read(self, count: int) -> None:
        while len(self.records) < count:
            for records in (await self.consumer.getmany(timeout_ms=100)).values():
                self.records += records

    async def commit(self) -> None:
        await self.consumer.commit()

    @property
    def uris(self) -> set[str]:
        return {codec.decode_value(PlayRecorded, record.value, now=NOW).uri for record in self.records}


@asynccontextmanager
async def member(kafka: Kafka, topic: Topic = PLAY_RECORDED) -> AsyncIterator[Reader]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        group_id=kafka.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic.name, each) for each in range(topic.partitions)])
    try:
        yield Reader(consumer)
    finally:
        await consumer.stop()


async def test_records_are_as_the_contract_says(kafka: Kafka) -> None:
    async with publishing(kafka) as publisher, member(kafka) as reader:
        await publisher.publish(PLAY_RECORDED, play(1), import_id="00000000000000ab", origin="a.json#17")
        await publisher.flush()
        await reader.read(1)
    (record,) = reader.records
    assert record.key == b"0000000000000002"
    assert codec.decode_value(PlayRecorded, record.value, now=NOW) == play(1)
    assert record.headers == tuple(codec.headers(import_id="00000000000000ab", origin="a.json#17"))
    assert abs(record.timestamp - time.time() * 1000) < 60_000, "its own time, which latency is measured from"


@pytest.mark.parametrize(
    ("topic", "event", "key"),
    [
        (
            ARTIST_DESCRIBED,
            ArtistDescribed(source="file", id="abc", name="An artist", described_at=NOW),
            b"file:abc",
        ),
        (
            LISTENER_PROFILE,
            ListenerProfile(listener="0" * 15 + "1", window="90d", computed_at=NOW, plays=0),
            b"0000000000000001|90d",
        ),
    ],
)
async def test_keys_of_other_topics(
    inprocess_kafka: Kafka, topic: Topic, event: ArtistDescribed | ListenerProfile, key: bytes
) -> None:
    async with publishing(inprocess_kafka) as publisher, member(inprocess_kafka, topic) as reader:
        await publisher.publish(topic, event)
        await publisher.publish_raw(topic, None, b"without a key", [])
        await publisher.flush()
        await reader.read(2)
    assert {record.key for record in reader.records} == {key, None}


async def test_one_listener_keeps_one_partition_and_its_order(kafka: Kafka) -> None:
    async with publishing(kafka) as publisher, member(kafka) as reader:
        for number in range(400):
            await publisher.publish(PLAY_RECORDED, play(number, listeners=8))
        await publisher.flush()
        await reader.read(400)
    by_key: dict[bytes, list[ConsumerRecord]] = {}
    for record in reader.records:
        by_key.setdefault(record.key, []).append(record)
    assert len(by_key) == 8
    for key, records in by_key.items():
        assert len({record.partition for record in records}) == 1, key
        ends = [codec.decode_value(PlayRecorded, record.value, now=NOW).reported_end for record in records]
        assert ends == sorted(ends, reverse=True)


async def test_publish_waits_until_the_group_has_committed_and_nothing_is_lost(kafka: Kafka) -> None:
    """The window is full after 64 KiB: the rest waits for the commits of a real group."""
    total = 1000
    async with publishing(kafka, window_bytes=64 * 1024) as publisher, member(kafka) as reader:
        published = 0

        async def produce() -> None:
            nonlocal published
            for number in range(total):
                await publisher.publish(PLAY_RECORDED, play(number, listeners=1))
                published += 1

        producing = asyncio.create_task(produce())
        await asyncio.sleep(LONG)
        first = published
        assert 0 < first < total, "it must wait"
        await publisher.flush()
        await reader.read(first)
        read = sum(len(record.key) + len(record.value) for record in reader.records)
        assert read <= 64 * 1024
        await asyncio.sleep(0.5)
        assert published == first, "reading is not committing"
        await reader.commit()
        while published < total:
            await reader.read(published)
            await reader.commit()
            await asyncio.sleep(0.01)
        await producing
        await reader.read(total)
        await reader.commit()
        await publisher.publish(PLAY_RECORDED, play(total, listeners=1))
        settled = asyncio.create_task(publisher.settled())
        await reader.read(total + 1)
        await asyncio.sleep(0.3)
        assert not settled.done(), "reading is not committing"
        assert publisher.waiting() > 0
        await reader.commit()
        await asyncio.wait_for(settled, 10)
        assert publisher.waiting() == 0
    assert reader.uris == {uri(number) for number in range(total + 1)}


def many(numbers: Iterable[int], *, listeners: int = 8, padding: int = 0) -> tuple[list[bytes | None], list[bytes]]:
    plays = [play(number, listeners=listeners, padding=padding) for number in numbers]
    return [each.listener.encode() for each in plays], [codec.encode(each) for each in plays]


async def test_many_at_once_are_as_those_one_by_one(kafka: Kafka) -> None:
    """Keys, values, headers, partitions and order are the same, also where both ways mix."""
    total = 3000
    async with publishing(kafka, batch_bytes=16 * 1024) as publisher, member(kafka) as reader:
        for first in range(0, total, 1000):
            keys, values = many(range(first, first + 999))
            origins = [codec.headers(import_id="00000000000000ab", origin=f"a.json#{n}") for n in range(999)]
            await publisher.publish_many(PLAY_RECORDED, keys, values, origins if first else None)
            await publisher.publish(PLAY_RECORDED, play(first + 999, listeners=8))
        await publisher.flush()
        await reader.read(total)
        single: dict[bytes, int] = {}
        for number in range(8):  # where a record of that key goes by itself
            await publisher.publish_raw(PLAY_RECORDED, f"{number + 1:016x}".encode(), b"", [])
        await publisher.flush()
        await reader.read(total + 8)
        single = {record.key: record.partition for record in reader.records[total:]}
        del reader.records[total:]
    assert [record.timestamp for record in reader.records if abs(record.timestamp - time.time() * 1000) > 60_000] == []
    seen: dict[bytes, list[int]] = {}
    for record in sorted(reader.records, key=lambda record: (record.partition, record.offset)):
        number = int(codec.decode_value(PlayRecorded, record.value, now=NOW).uri.removeprefix("spotify:track:"))
        seen.setdefault(record.key, []).append(number)
        assert record.partition == single[record.key]
        alone = number < 1000 or number % 1000 == 999
        about = {} if alone else {"import_id": "00000000000000ab", "origin": f"a.json#{number % 1000}"}
        assert record.headers == tuple(codec.headers(**about))
    assert all(numbers == sorted(numbers) for numbers in seen.values())
    assert sorted(number for numbers in seen.values() for number in numbers) == list(range(total))


async def test_many_at_once_wait_until_the_group_has_committed_and_nothing_is_lost(kafka: Kafka) -> None:
    """Ten times what the window holds, in one call: the rest waits for the commits of a real group."""
    total = 3000
    async with publishing(kafka, window_bytes=64 * 1024) as publisher, member(kafka) as reader:
        keys, values = many(range(total), listeners=1)
        producing = asyncio.create_task(publisher.publish_many(PLAY_RECORDED, keys, values))
        await asyncio.sleep(LONG)
        await publisher.flush()
        first = publisher.waiting()
        assert 0 < first < total, "it must wait"
        await reader.read(first)
        assert sum(len(record.key) + len(record.value) for record in reader.records) <= 64 * 1024
        await asyncio.sleep(0.5)
        assert not producing.done(), "reading is not committing"
        async with asyncio.timeout(60):
            while len(reader.records) < total:
                before = len(reader.records)
                await reader.commit()
                await reader.read(before + 1)
                ahead = sum(len(record.key) + len(record.value) for record in reader.records[before:])
                assert ahead <= 64 * 1024
            settled = asyncio.create_task(publisher.settled())
            await producing
            await asyncio.sleep(0.3)
            assert not settled.done(), "reading is not committing"
            await reader.commit()
            await settled
        assert publisher.waiting() == 0
    assert [record.value for record in sorted(reader.records, key=lambda record: record.offset)] == values


async def test_the_in_process_broker_keeps_all_of_a_compressed_window(inprocess_kafka: Kafka) -> None:
    """More waits there uncommitted than 5 MiB of plays, and the broker drops nothing."""
    total = 20_000
    most = read = 0
    async with publishing(inprocess_kafka, compression="zstd") as publisher, member(inprocess_kafka) as reader:
        keys, values = many(range(total), listeners=1, padding=900)
        producing = asyncio.create_task(publisher.publish_many(PLAY_RECORDED, keys, values))
        async with asyncio.timeout(60):
            while read < total:  # behind by all that the window lets through
                await asyncio.sleep(0.5)
                await publisher.flush()
                most = max(most, publisher.waiting())
                await reader.read(min(total, read + publisher.waiting()))
                read = len(reader.records)
                await reader.commit()
            await producing
            await publisher.settled()
    assert most * len(values[0]) > 6 * MIB
    assert [record.offset for record in reader.records] == list(range(total)), "no hole"
    assert [record.value for record in reader.records] == values


async def test_one_of_many_that_is_too_large_is_raised_and_the_publisher_goes_on(kafka: Kafka) -> None:
    async with publishing(kafka) as publisher, member(kafka, PLAY_ENRICHED) as reader:
        with pytest.raises(SpotifireError, match="could not be published"):
            await publisher.publish_many(PLAY_ENRICHED, [b"k", b"k"], [b"small", b"x" * (MIB + 1)])
        await publisher.publish_many(PLAY_ENRICHED, [b"k", None, b"k"], [b"x" * 1_000_000, b"no key", None])
        await publisher.flush()
        await reader.read(4)
    read = [(record.key, record.value and len(record.value)) for record in reader.records]
    assert [size for key, size in read if key == b"k"] == [5, 1_000_000, None]
    assert (None, 6) in read


@pytest.mark.apache_kafka
async def test_a_batch_that_the_broker_refuses_is_raised_by_whatever_comes_next(apache_kafka: Kafka) -> None:
    strict = topic_named(f"test.strict.{apache_kafka.group}.v1")
    admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(strict.name, 1, 1, topic_configs={"max.message.bytes": "1000"})])
    await admin.close()
    publisher = publishing(apache_kafka)
    await publisher.start()
    await publisher.publish_many(strict, [b"k"] * 50, [b"x" * 500] * 50)
    for call in (publisher.flush, publisher.settled, lambda: publisher.publish_many(strict, [b"k"], [b"v"])):
        with pytest.raises(SpotifireError, match="could not be published"):
            await call()
    with pytest.raises(SpotifireError, match="could not be published"):
        await publisher.stop()


async def test_two_publishers_stay_within_what_the_in_process_broker_keeps(inprocess_kafka: Kafka) -> None:
    """12 MiB through one partition that keeps 5, from two publishers that do not know each other."""
    each = 6000
    async with (
        publishing(inprocess_kafka) as one,
        publishing(inprocess_kafka) as other,
        member(inprocess_kafka) as reader,
    ):

        async def produce(publisher: Publisher, first: int) -> None:
            for number in range(first, first + each):
                await publisher.publish(PLAY_RECORDED, play(number, listeners=1, padding=900))
            await publisher.settled()

        async def produce_many(publisher: Publisher, first: int) -> None:
            await publisher.publish_many(PLAY_RECORDED, *many(range(first, first + each), listeners=1, padding=900))
            await publisher.settled()

        producing = asyncio.gather(produce(one, 0), produce_many(other, each))
        await asyncio.sleep(LONG)  # nobody reads yet: both must have stopped
        while not producing.done():
            await reader.read(min(2 * each, len(reader.records) + 1))
            await asyncio.sleep(0.05)
            await reader.commit()
        await producing
    offsets = sorted(record.offset for record in reader.records)
    assert offsets == list(range(2 * each)), "no hole: the broker dropped nothing unread"
    assert reader.uris == {uri(number) for number in range(2 * each)}


async def test_a_play_does_not_wait_for_the_import_of_another_process(inprocess_kafka: Kafka) -> None:
    """Nobody commits, so the import's window stays full; a play that is just over goes, and many do not."""
    async with publishing(inprocess_kafka) as importing, publishing(inprocess_kafka) as polling:
        waiting = asyncio.create_task(importing.publish_many(PLAY_RECORDED, *many(range(60_000), listeners=1)))
        await asyncio.sleep(LONG)
        assert not waiting.done()
        async with asyncio.timeout(5):
            for number in range(10):
                await polling.publish(PLAY_RECORDED, play(100_000 + number, listeners=1))
            await polling.flush()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LONG):
                await polling.publish_many(PLAY_RECORDED, *many(range(200_000, 203_000), listeners=1, padding=900))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_other_topics_wait_for_nobody(inprocess_kafka: Kafka) -> None:
    async with publishing(inprocess_kafka, window_bytes=1000) as publisher:
        async with asyncio.timeout(20):
            for _ in range(2000):
                await publisher.publish_raw(PLAY_ENRICHED, b"k", b"x" * 100, [])
            await publisher.flush()
            await publisher.settled()


async def test_a_record_that_is_too_large_is_raised_and_so_is_the_rest(inprocess_kafka: Kafka) -> None:
    async with publishing(inprocess_kafka) as publisher:
        with pytest.raises(SpotifireError, match="could not be published"):
            await publisher.publish_raw(DEAD_LETTER, b"k", b"x" * (2 * MIB), [])
        await publisher.publish(PLAY_RECORDED, play(1))
        await publisher.flush()


async def test_no_broker_is_a_clear_error() -> None:
    publisher = Publisher(PublisherSettings(bootstrap="127.0.0.1:1"))
    with pytest.raises(BrokerUnavailable, match="cannot be reached"):
        await publisher.start()
    with pytest.raises(SpotifireError, match="not running"):
        await publisher.publish(PLAY_RECORDED, play(1))


@pytest.mark.apache_kafka
async def test_a_send_that_failed_is_raised_by_whatever_comes_next(apache_kafka: Kafka) -> None:
    """The broker refuses a record that was buffered long ago, and publish returned for."""
    strict = topic_named(f"test.strict.{apache_kafka.group}.v1")
    admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(strict.name, 1, 1, topic_configs={"max.message.bytes": "1000"})])
    await admin.close()
    publisher = publishing(apache_kafka)
    await publisher.start()
    await publisher.publish_raw(strict, b"k", b"x" * 5000, [])
    for call in (publisher.flush, publisher.settled, lambda: publisher.publish(PLAY_RECORDED, play(2))):
        with pytest.raises(SpotifireError, match="could not be published"):
            await call()
    with pytest.raises(SpotifireError, match="could not be published"):
        await publisher.stop()


@pytest.mark.apache_kafka
async def test_a_topic_that_does_not_exist_is_a_clear_error(apache_kafka: Kafka) -> None:
    missing = topic_named("music.nothing.v1")
    async with publishing(apache_kafka, request_timeout_ms=2000) as publisher:
        with pytest.raises(UserError, match="does not exist"):
            await publisher.publish_raw(missing, b"k", b"v", [])


async def test_stopping_while_the_broker_is_gone_says_what_was_not_sent() -> None:
    broker = InProcessBroker()
    publisher = Publisher(PublisherSettings(bootstrap=broker.start()))
    await publisher.start()
    await publisher.publish(PLAY_RECORDED, play(1))
    await publisher.flush()
    broker.stop()
    await publisher.publish(PLAY_RECORDED, play(2))
    started = time.monotonic()
    with pytest.raises(BrokerUnavailable, match="could not be published"):
        await publisher.stop(timeout_s=1)
    assert time.monotonic() - started < 10
    await publisher.stop()


def test_in_process_brokers_are_apart() -> None:
    with InProcessBroker() as one, InProcessBroker() as other:
        assert one.bootstrap != other.bootstrap
        assert one.bootstrap.startswith("127.0.0.1:")
