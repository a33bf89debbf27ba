"""The worker between a real broker and a pipeline that writes down what it gets, by sets of ids."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from base64 import b85encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from msgspec.structs import replace

from streams.app import WorkerSettings
from streams.contracts.errors import RecordsLost
from streams.contracts.events import ListenerCommand, PlaybackChanged
from streams.contracts.record import Taken
from streams.contracts.topics import (
    DEAD_LETTER,
    LISTENER_COMMAND,
    PLAY_ENRICHED,
    PLAY_RECORDED,
    PLAYBACK_CHANGED,
    Topic,
)
from streams.metrics import Metrics
from streams.offsets import GroupOffsets, Standing
from streams.publisher import Publisher, PublisherSettings
from streams.worker import Worker
from tests.support.kafka import Kafka
from tests.support.recorder import NOW, Recorder, play, slow, uri

NO_WINDOW = 1 << 40
MADE: list[Worker] = []  # stopped at the end of each test: see conftest.py


def make(kafka: Kafka, tmp_path: Path, pipeline: Recorder, **more: Any) -> Worker:
    settings = WorkerSettings(
        bootstrap=kafka.bootstrap, data_dir=tmp_path, group=kafka.group, broker_in_memory=kafka.in_memory, **more
    )
    worker = Worker(settings, pipeline, Metrics(), commands=pipeline)
    MADE.append(worker)
    return worker


def publishing(kafka: Kafka, **more: Any) -> Publisher:
    return Publisher(PublisherSettings(bootstrap=kafka.bootstrap, group=kafka.group, **more))


async def standings(kafka: Kafka, topic: Topic = PLAY_RECORDED) -> dict[int, Standing]:
    offsets = GroupOffsets(kafka.bootstrap, kafka.group)
    await offsets.start()
    try:
        read = await offsets.read((topic.name, each) for each in range(topic.partitions))
    finally:
        await offsets.stop()
    return {partition: standing for (_, partition), standing in read.items()}


async def read_all(kafka: Kafka, topic: Topic) -> list[tuple[bytes | None, bytes | None]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic.name, each) for each in range(topic.partitions)]
        consumer.assign(partitions)
        wanted = sum((await consumer.end_offsets(partitions)).values())
        found: list[tuple[bytes | None, bytes | None]] = []
        while len(found) < wanted:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [(record.key, record.value) for record in records]
    finally:
        await consumer.stop()
    return found


async def until(true: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  a broker is watched, not an event of ours
            await asyncio.sleep(0.02)


async def test_every_play_is_stored_published_and_committed(kafka: Kafka, tmp_path: Path) -> None:
    recorder = Recorder()
    async with publishing(kafka) as publisher:
        for number in range(500):  # before the first worker ever joined
            await publisher.publish(PLAY_RECORDED, play(number))
        worker = make(kafka, tmp_path, recorder)
        await worker.start()
        for number in range(500, 2000):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.publish_raw(PLAY_RECORDED, b"k", b"no json", [])
        await publisher.publish_raw(PLAY_RECORDED, b"k", None, [])
        await publisher.publish_raw(PLAY_RECORDED, None, b"\xff", [("same", b"\xff"), ("same", b"")])
        async with asyncio.timeout(60):
            await publisher.settled()
    assert recorder.ids == {uri(number) for number in range(2000)}
    assert all(each.lag == 0 and each.committed for each in (await standings(kafka)).values())
    await worker.stop()
    assert len(await read_all(kafka, PLAY_ENRICHED)) == len(recorder.rows)
    assert {value for _, value in await read_all(kafka, DEAD_LETTER)} == {b"no json", None, b"\xff"}


async def test_figures_of_the_live_line(kafka: Kafka, tmp_path: Path) -> None:
    metrics = Metrics()
    settings = WorkerSettings(bootstrap=kafka.bootstrap, data_dir=tmp_path, group=kafka.group)
    worker = Worker(settings, Recorder(), metrics)
    await worker.start()
    async with publishing(kafka) as publisher:
        for number in range(40):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.publish_raw(PLAY_RECORDED, b"k", b"{}", [])
        async with asyncio.timeout(30):
            await publisher.settled()
    await until(lambda: metrics.snapshot().lag == 0)
    await worker.stop()
    seen = metrics.snapshot()
    assert (seen.plays_in, seen.enriched, seen.stored, seen.refused) == (41, 40, 40, 1)
    assert seen.p50 is not None
    assert seen.p99 is not None
    assert 0 < seen.p50 <= seen.p99 < 60
    lag = metrics.registry.get_sample_value(
        "kafka_consumergroup_lag", {"consumergroup": kafka.group, "topic": PLAY_RECORDED.name, "partition": "0"}
    )
    assert lag == 0
    counted = metrics.registry.get_sample_value("spotifire_publish_to_queryable_seconds_count")
    assert counted == 41


async def test_commands_and_playback_reach_the_pipeline(inprocess_kafka: Kafka, tmp_path: Path) -> None:
    recorder = Recorder()
    worker = make(inprocess_kafka, tmp_path, recorder)
    await worker.start()
    command = ListenerCommand(listener="00000000000000aa", command_id="0" * 15 + "1", kind="restamp", asked_at=NOW)
    async with publishing(inprocess_kafka) as publisher:
        await publisher.publish(LISTENER_COMMAND, command)
        # a null header value, and a record that leaves no room for the headers of a dead letter
        await publisher.publish_raw(LISTENER_COMMAND, b"k", b"not a command", [("foreign", None)])
        await publisher.publish_raw(LISTENER_COMMAND, b"k", b"x" * 1_048_000, [])
        await publisher.publish(
            PLAYBACK_CHANGED, PlaybackChanged(listener="00000000000000aa", observed_at=NOW, is_playing=False)
        )
        await publisher.flush()
    await until(lambda: bool(recorder.commands and recorder.playbacks))
    commits = await standings(inprocess_kafka, LISTENER_COMMAND)
    while any(each.lag for each in commits.values()):
        await asyncio.sleep(0.05)
        commits = await standings(inprocess_kafka, LISTENER_COMMAND)
    await worker.stop()
    assert recorder.commands == [0xAA]
    assert [value for _, value in await read_all(inprocess_kafka, DEAD_LETTER)] == [b"not a command", None]
    assert [len(refusal.record.value or b"") for refusal in recorder.refused] == [13, 1_048_000]


@pytest.mark.apache_kafka
async def test_a_worker_does_not_end_because_another_one_is_slow(apache_kafka: Kafka, tmp_path: Path) -> None:
    quick, busy = Recorder(), Recorder()
    one = make(apache_kafka, tmp_path, quick, stalled_s=1.5)
    other = make(apache_kafka, tmp_path, busy, stalled_s=30)
    await one.start()
    await other.start()
    async with publishing(apache_kafka) as publisher:
        number = 0
        while not (quick.slices and busy.slices):  # until each has partitions
            await publisher.publish(PLAY_RECORDED, play(number))
            number += 1
            await asyncio.sleep(0.02)
        busy.before = slow(5)
        for more in range(number, number + 50):
            await publisher.publish(PLAY_RECORDED, play(more))
        failed = asyncio.create_task(one.failed())
        await asyncio.wait({failed}, timeout=4)
        assert not failed.done()
        await publisher.settled()
    await one.stop()
    await other.stop()
    await failed


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_unknown_error_ends_the_worker_and_commits_nothing_that_is_not_stored(
    kafka: Kafka, tmp_path: Path, moment: str
) -> None:
    recorder = Recorder()

    def fail(_: Sequence[Taken]) -> None:
        if recorder.slices >= 4:
            raise ZeroDivisionError("a bug of ours")

    setattr(recorder, moment, fail)
    wanted = {uri(number) for number in range(3000)}
    async with publishing(kafka) as publisher:
        for number in range(3000):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.flush()
        worker = make(kafka, tmp_path, recorder, slice_records=200)
        await worker.start()
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(worker.failed(), 30)
        await asyncio.sleep(1)  # whatever still runs could commit meanwhile
        await worker.stop()
        assert recorder.slices <= 6, "what was under way may go on, and nothing begins"
        setattr(recorder, moment, None)
        committed = {
            (PLAY_RECORDED.name, partition, offset)
            for partition, standing in (await standings(kafka)).items()
            for offset in range(standing.committed or 0)
        }
        assert committed
        assert committed <= recorder.offsets
        assert recorder.ids != wanted
        again = make(kafka, tmp_path, recorder)
        await again.start()
        async with asyncio.timeout(30):
            await publisher.settled()
        await again.stop()
    assert recorder.ids == wanted


async def test_stop_commits_all_that_is_stored_and_a_restart_repeats_nothing(kafka: Kafka, tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.before = slow(0.05)
    async with publishing(kafka) as publisher:
        for number in range(4000):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.flush()
        for _ in range(3):
            worker = make(kafka, tmp_path, recorder, slice_records=100)
            before = recorder.slices
            await worker.start()
            await until(lambda before=before: recorder.slices > before + 2)  # type: ignore[misc]
            started = time.monotonic()
            await worker.stop()
            assert time.monotonic() - started < 3
            committed = {
                (PLAY_RECORDED.name, partition, offset)
                for partition, standing in (await standings(kafka)).items()
                for offset in range(standing.committed or 0)
            }
            assert committed == recorder.offsets, "what is stored is committed, and nothing else"
        recorder.before = None
        worker = make(kafka, tmp_path, recorder)
        await worker.start()
        async with asyncio.timeout(30):
            await publisher.settled()
        await worker.stop()
    assert recorder.ids == {uri(number) for number in range(4000)}
    assert len(recorder.rows) == 4000, "a clean stop repeats nothing"


async def test_stop_while_the_store_hangs_takes_under_3_s(inprocess_kafka: Kafka, tmp_path: Path) -> None:
    release = threading.Event()
    recorder = Recorder()

    def hang(_: Sequence[Taken]) -> None:
        release.wait(30)

    recorder.before = hang
    worker = make(inprocess_kafka, tmp_path, recorder)
    await worker.start()
    async with publishing(inprocess_kafka) as publisher:
        await publisher.publish(PLAY_RECORDED, play(1))
        await publisher.flush()
    await until(lambda: recorder.slices > 0)
    started = time.monotonic()
    await worker.stop()
    took = time.monotonic() - started
    release.set()
    assert took < 3
    assert all(each.committed is None for each in (await standings(inprocess_kafka)).values())


async def test_records_that_the_broker_dropped_unread_stop_the_worker(inprocess_kafka: Kafka, tmp_path: Path) -> None:
    async with publishing(inprocess_kafka, window_bytes=NO_WINDOW, window_records=NO_WINDOW) as careless:
        chance = random.Random(1)
        for _ in range(7_500):  # one listener, one partition, over 5 MiB, however well it is packed
            event = replace(play(0), album=b85encode(chance.randbytes(780)).decode())
            await careless.publish(PLAY_RECORDED, event)
        await careless.flush()
    recorder = Recorder()
    worker = make(inprocess_kafka, tmp_path, recorder)
    await worker.start()
    with pytest.raises(RecordsLost, match="vanished"):
        await asyncio.wait_for(worker.failed(), 30)
    await worker.stop()
    assert not recorder.rows
    on = make(inprocess_kafka, tmp_path, recorder, accept_loss=True)
    await on.start()
    await until(lambda: bool(recorder.rows))
    await on.stop()


@pytest.mark.apache_kafka
async def test_records_deleted_behind_the_commit_stop_the_worker(apache_kafka: Kafka, tmp_path: Path) -> None:
    recorder = Recorder()
    event = play(0)
    async with publishing(apache_kafka) as publisher:
        worker = make(apache_kafka, tmp_path, recorder)
        await worker.start()
        for _ in range(100):
            await publisher.publish(PLAY_RECORDED, event)
        await publisher.settled()
        await worker.stop()
        for _ in range(100):
            await publisher.publish(PLAY_RECORDED, event)
        await publisher.flush()
    (partition,) = [each for each, standing in (await standings(apache_kafka)).items() if standing.end]
    admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(PLAY_RECORDED.name, partition): RecordsToDelete(before_offset=150)})
    await admin.close()
    worker = make(apache_kafka, tmp_path, recorder)
    await worker.start()
    with pytest.raises(RecordsLost, match="50 records"):
        await asyncio.wait_for(worker.failed(), 30)
    await worker.stop()
