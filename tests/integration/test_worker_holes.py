"""Offsets without a record, on Apache Kafka: transactions, compaction, retention. What is a loss, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.kafka.apache import ApacheKafka
from streams.contracts.events import PlaybackChanged
from streams.contracts.topics import PLAY_RECORDED, PLAYBACK_CHANGED
from tests.integration.test_worker import make, publishing, standings, until
from tests.support.kafka import Kafka
from tests.support.recorder import NOW, Recorder, play, uri

pytestmark = pytest.mark.apache_kafka


@asynccontextmanager
async def transactional(kafka: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=kafka.group)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send(producer: AIOKafkaProducer, numbers: range) -> None:
    for number in numbers:
        value = msgspec.json.encode(play(number))
        await producer.send(PLAY_RECORDED.name, value, b"key", partition=number % PLAY_RECORDED.partitions)


async def no_lag(kafka: Kafka) -> None:
    async with asyncio.timeout(30):
        while any(each.lag or each.committed is None for each in (await standings(kafka)).values()):  # noqa: ASYNC110  the broker is watched
            await asyncio.sleep(0.05)


async def test_transactions_leave_holes_and_what_was_taken_back_was_never_played(
    apache_kafka: Kafka, tmp_path: Path
) -> None:
    recorder = Recorder()
    async with transactional(apache_kafka) as producer:
        for start in range(0, 400, 40):
            async with producer.transaction():
                await send(producer, range(start, start + 30))
            await producer.begin_transaction()
            await send(producer, range(start + 30, start + 40))
            await producer.abort_transaction()
        wanted = {uri(start + number) for start in range(0, 400, 40) for number in range(30)}
        worker = make(apache_kafka, tmp_path, recorder, slice_records=25, stalled_s=2.0)
        await worker.start()
        await until(lambda: recorder.ids == wanted)
        await no_lag(apache_kafka)  # also behind the control records at the end
        async with producer.transaction():
            await send(producer, range(1_000, 1_040))
        await until(lambda: recorder.ids == wanted | {uri(number) for number in range(1_000, 1_040)})
        await no_lag(apache_kafka)
        await producer.begin_transaction()
        await send(producer, range(2_000, 2_040))
        await producer.flush()
        ended = asyncio.create_task(worker.failed())
        await asyncio.wait({ended}, timeout=5)
        assert not ended.done(), "an open transaction cannot be read, and the worker is not stuck"
        await producer.abort_transaction()
        await no_lag(apache_kafka)
    await worker.stop()
    await ended
    assert len(recorder.rows) == len(recorder.ids) == 340
    again = make(apache_kafka, tmp_path, recorder)
    await again.start()
    async with publishing(apache_kafka) as publisher:  # the commit lies behind a control record
        await publisher.publish(PLAY_RECORDED, play(3_000))
        async with asyncio.timeout(20):
            await publisher.settled()
    await again.stop()
    assert len(recorder.rows) == 341


async def test_what_is_playing_may_expire_unread(apache_kafka: Kafka, tmp_path: Path) -> None:
    recorder = Recorder()
    worker = make(apache_kafka, tmp_path, recorder)
    await worker.start()
    heard = PlaybackChanged(listener="00000000000000aa", observed_at=NOW, is_playing=False)
    async with publishing(apache_kafka) as publisher:
        await publisher.publish(PLAYBACK_CHANGED, heard)
        await publisher.flush()
        await until(lambda: len(recorder.playbacks) == 1)
        await worker.stop()
        for _ in range(10):
            await publisher.publish(PLAYBACK_CHANGED, heard)
        await publisher.flush()
    (partition,) = {taken.partition for taken in recorder.playbacks}
    admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(PLAYBACK_CHANGED.name, partition): RecordsToDelete(before_offset=8)})
    await admin.close()
    worker = make(apache_kafka, tmp_path, recorder)
    await worker.start()
    await until(lambda: len(recorder.playbacks) == 4)
    async with asyncio.timeout(10):
        while (await standings(apache_kafka, PLAYBACK_CHANGED))[partition].lag:  # noqa: ASYNC110  as above
            await asyncio.sleep(0.05)
    await worker.stop()


@pytest.mark.slow
async def test_compaction_leaves_holes(apache_kafka: Kafka, apache_broker: ApacheKafka, tmp_path: Path) -> None:
    """Somebody set the topic's policy to compact: what it took out is gone, and the rest is read."""
    admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka.bootstrap)
    await admin.start()
    settings = {
        "cleanup.policy": "compact",
        "segment.bytes": str(1024 * 1024),
        "min.cleanable.dirty.ratio": "0.01",
        "max.compaction.lag.ms": "100",
    }
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, PLAY_RECORDED.name, configs=settings)])
    total, listeners = 9_000, 3
    async with AIOKafkaProducer(bootstrap_servers=apache_kafka.bootstrap, linger_ms=20) as producer:
        for number in range(total):
            value = msgspec.json.encode(play(number, padding=700))
            await producer.send(PLAY_RECORDED.name, value, b"%d" % (number % listeners), partition=number % 2)
        await producer.flush()
    await admin.close()
    assert _size(apache_broker.folder) > 8_000_000
    async with asyncio.timeout(60):
        while _size(apache_broker.folder) > 5_000_000:  # noqa: ASYNC110  as above
            await asyncio.sleep(0.5)
    recorder = Recorder()
    worker = make(apache_kafka, tmp_path, recorder, slice_records=500)
    await worker.start()
    await until(lambda: {uri(number) for number in range(total - listeners, total)} <= recorder.ids)
    async with asyncio.timeout(20):
        while any(each.lag for each in (await standings(apache_kafka)).values()):  # noqa: ASYNC110  the broker is watched
            await asyncio.sleep(0.05)
    await worker.stop()
    assert len(recorder.rows) < total


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "data").glob(f"{PLAY_RECORDED.name}-*/*.log"))
