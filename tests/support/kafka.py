"""Real brokers for tests: librdkafka's in-process one, and Apache Kafka where Java and Maven are.

Import the fixtures into a folder's conftest.py. Every test gets empty topics.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.kafka.apache import ApacheKafka
from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.jars import VERSION, java_17
from deploy.kafka.topics import create_topics
from streams.contracts.errors import UserError
from streams.contracts.ids import new_id, to_hex
from streams.contracts.topics import TOPICS


@dataclass(frozen=True)
class Kafka:
    """A broker with our topics, empty, and a group that nobody used yet."""

    bootstrap: str
    in_memory: bool
    group: str


@pytest.fixture(scope="session")
def kafka_jars(request: pytest.FixtureRequest) -> Path:
    """Where Kafka's jars lie between test runs: in pytest's cache, fetched by the first test."""
    try:
        java_17()
    except UserError as error:
        pytest.skip(error.one_line())
    cache = request.config.cache
    assert cache is not None
    libs = Path(cache.mkdir("kafka")) / f"libs-{VERSION}"
    if not libs.exists() and shutil.which("mvn") is None:
        pytest.skip("Maven, which fetches Kafka's jars, is not installed.")
    return libs


def lend_jars(libs: Path, data: Path) -> None:
    """Let a stack on the data folder use jars that are there already."""
    if libs.exists():
        (data / "kafka").mkdir(parents=True)
        (data / "kafka" / libs.name).symlink_to(libs)


@pytest.fixture(scope="session")
def apache_broker(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One Apache Kafka for the session (it takes 8 s to start)."""
    with ApacheKafka(tmp_path_factory.mktemp("kafka"), libs=kafka_jars) as broker:
        yield broker


@pytest.fixture
async def inprocess_kafka() -> AsyncIterator[Kafka]:
    """A fresh in-process broker."""
    with InProcessBroker() as broker:
        await create_topics(broker.bootstrap)
        yield Kafka(broker.bootstrap, in_memory=True, group=f"test-{to_hex(new_id())}")


@pytest.fixture
async def apache_kafka(apache_broker: ApacheKafka) -> Kafka:
    """The session's Apache Kafka, its topics made anew."""
    await _delete_topics(apache_broker.bootstrap)
    await create_topics(apache_broker.bootstrap)
    return Kafka(apache_broker.bootstrap, in_memory=False, group=f"test-{to_hex(new_id())}")


@pytest.fixture(params=["in-process", pytest.param("apache", marks=pytest.mark.apache_kafka)])
def kafka(request: pytest.FixtureRequest) -> Kafka:
    """Each of the two."""
    name = {"in-process": "inprocess_kafka", "apache": "apache_kafka"}[request.param]
    found: Kafka = request.getfixturevalue(name)
    return found


async def _delete_topics(bootstrap: str) -> None:
    ours = {topic.name for topic in TOPICS}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if there := ours & set(await admin.list_topics()):
            await admin.delete_topics(sorted(there))
        async with asyncio.timeout(20):
            while ours & set(await admin.list_topics()):  # noqa: ASYNC110  the broker tells no other way
                await asyncio.sleep(0.05)
    finally:
        await admin.close()
