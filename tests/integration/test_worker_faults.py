"""Rebalances, a broker that dies, and a control: Faust's own way must lose, or our tests see nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import Consumer
from faust.transport.utils import DefaultSchedulingStrategy
from mode import OneForOneSupervisor

from deploy.kafka.apache import ApacheKafka
from streams import app as worker_app
from streams import worker as worker_module
from streams.chunks import Slice
from streams.consumer import StoredOffsets
from streams.contracts.record import Record, Taken
from streams.contracts.topics import PLAY_RECORDED
from streams.positions import Partition
from tests.integration.test_worker import make, publishing, standings, until
from tests.support.kafka import Kafka
from tests.support.recorder import NOW, Recorder, play, slow, uri

TOTAL = 3000
WANTED = {uri(number) for number in range(TOTAL)}


def record_of(message: Any) -> Record:
    return Record(message.topic, message.partition, message.offset, NOW, message.key, message.value)


class Stock(Consumer):
    """Faust's own consumer, with what our watchdog asks."""

    def dead(self) -> None:
        return None

    def member(self) -> bool:
        return True

    def own(self) -> set[tuple[str, int]]:
        return set()

    def readable(self, at: Partition, end: int) -> int:
        return end


async def test_control_with_fausts_own_acknowledging_records_are_lost(
    inprocess_kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run of the test of an unknown error with Faust's `take`, offsets and supervisor: it must lose."""

    async def stock(stream: Any, *_: Any, max_records: int, linger_s: float, **__: Any) -> AsyncIterator[Slice]:
        async for events in stream.take_events(max_records, within=linger_s):
            records = [record_of(event.message) for event in events]
            yield Slice(records, 1, lambda: True, lambda: None, lambda: None)

    monkeypatch.setattr(worker_module, "slices", stock)
    monkeypatch.setattr(worker_app, "SliceScheduler", DefaultSchedulingStrategy)
    monkeypatch.setattr(StoredOffsets, "of", lambda *_, **__: Stock)
    monkeypatch.setattr(worker_app, "CrashingSupervisor", OneForOneSupervisor)
    recorder = Recorder()

    def fail(_: Sequence[Taken]) -> None:
        if recorder.prepared == 4:
            raise ZeroDivisionError("a bug of ours")

    recorder.preparing = fail
    async with publishing(inprocess_kafka) as publisher:
        for number in range(TOTAL):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.flush()
        worker = make(inprocess_kafka, tmp_path, recorder, slice_records=200)
        await worker.start()
        async with asyncio.timeout(30):
            await publisher.settled()
        await worker.stop()
    assert recorder.slices > 4
    assert recorder.ids < WANTED


@pytest.mark.apache_kafka
async def test_workers_come_and_go(apache_kafka: Kafka, tmp_path: Path) -> None:
    """1 -> 2 -> 1 workers while plays come: nothing is missing, and no commit passes what is stored."""
    first, second = Recorder(), Recorder()
    first.before = second.before = slow(0.02)
    one = make(apache_kafka, tmp_path, first, slice_records=50)
    other = make(apache_kafka, tmp_path, second, slice_records=50)
    async with publishing(apache_kafka) as publisher:

        async def produce() -> None:
            for number in range(TOTAL):
                await publisher.publish(PLAY_RECORDED, play(number))
                if number % 10 == 0:
                    await asyncio.sleep(0.02)

        await one.start()
        producing = asyncio.create_task(produce())
        await until(lambda: first.slices > 3)
        await other.start()
        await until(lambda: second.slices > 3)
        await one.stop()
        seen = first.offsets | second.offsets
        committed = {
            (PLAY_RECORDED.name, partition, offset)
            for partition, standing in (await standings(apache_kafka)).items()
            for offset in range(standing.committed or 0)
        }
        assert committed <= seen | second.offsets
        await producing
        async with asyncio.timeout(40):
            await publisher.settled()
        await other.stop()
    assert first.ids
    assert second.ids
    assert first.ids | second.ids == WANTED


@pytest.mark.apache_kafka
@pytest.mark.slow
async def test_a_broker_that_dies_and_comes_back(
    apache_kafka: Kafka, apache_broker: ApacheKafka, tmp_path: Path
) -> None:
    """Publisher and worker wait for it by themselves; every acknowledged play is stored."""
    recorder = Recorder()
    worker = make(apache_kafka, tmp_path, recorder)
    await worker.start()
    async with publishing(apache_kafka) as publisher:

        async def produce() -> None:
            for number in range(TOTAL):
                await publisher.publish(PLAY_RECORDED, play(number))
                await asyncio.sleep(0.002)

        producing = asyncio.create_task(produce())
        await until(lambda: len(recorder.rows) > 200)
        await asyncio.to_thread(apache_broker.kill)
        await asyncio.sleep(2)
        await asyncio.to_thread(apache_broker.start)
        async with asyncio.timeout(80):
            await producing
            await publisher.settled()
    await worker.stop()
    assert recorder.ids == WANTED
