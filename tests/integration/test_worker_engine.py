"""What the engine promises the pipeline: order, company, barriers, and an end to what hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import faust
import msgspec
import pytest
from faust.assignor.partition_assignor import PartitionAssignor

from sinks.patience import Patience
from streams import worker as worker_module
from streams.agents import Work
from streams.app import WorkerSettings, make_app
from streams.chunks import Slice
from streams.contracts.errors import BrokerUnavailable, StoreUnavailable
from streams.contracts.events import ListenerCommand
from streams.contracts.record import Record, Taken
from streams.contracts.topics import LISTENER_COMMAND, PLAY_ENRICHED, PLAY_RECORDED, PLAYBACK_CHANGED, Topic
from streams.metrics import Metrics
from streams.outcome import Outcome
from streams.outlet import Outlet
from streams.positions import InHand
from streams.publisher import Publisher, PublisherSettings
from streams.vitals import alive
from streams.watchdog import Stuck
from tests.integration.test_worker import make, publishing, read_all, standings, until
from tests.support.kafka import Kafka
from tests.support.recorder import NOW, Recorder, play, slow, uri


async def publish(kafka: Kafka, count: int) -> None:
    async with publishing(kafka) as publisher:
        for number in range(count):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.flush()


async def committed(kafka: Kafka) -> int:
    return sum(each.committed or 0 for each in (await standings(kafka)).values())


async def all_committed(kafka: Kafka, count: int, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while await committed(kafka) < count:  # noqa: ASYNC110  the broker is watched
            await asyncio.sleep(0.05)


async def test_records_of_all_partitions_share_a_slice_and_slices_have_a_limit(
    inprocess_kafka: Kafka, tmp_path: Path
) -> None:
    recorder = Recorder()
    worker = make(inprocess_kafka, tmp_path, recorder, slice_records=200, linger_s=1.0)
    await worker.start()
    await publish(inprocess_kafka, 40)
    await all_committed(inprocess_kafka, 40)
    assert len({partition for _, partition, _ in recorder.offsets}) == 4
    assert recorder.slices == 1
    await worker.stop()
    behind = Recorder()
    kinds: set[type] = set()
    behind.before = lambda records: kinds.update(map(type, records))
    await publish(inprocess_kafka, 2_000)
    worker = make(inprocess_kafka, tmp_path, behind, slice_records=200)
    await worker.start()
    await all_committed(inprocess_kafka, 2_040)
    await worker.stop()
    assert kinds == {Record}, "none of aiokafka's, which are slow: see streams/reading.py"
    assert behind.largest <= 200
    assert behind.slices <= 25, "full slices, mostly"
    assert behind.ids == {uri(number) for number in range(2_000)}
    assert len(behind.rows) == 2_000


async def test_two_slices_are_stored_at_once_and_acknowledged_in_order(inprocess_kafka: Kafka, tmp_path: Path) -> None:
    recorder = Recorder()
    release = threading.Event()

    def first_one_waits(records: Sequence[Taken]) -> None:
        if recorder.slices == 1:
            release.wait(20)

    recorder.before = first_one_waits
    await publish(inprocess_kafka, 1_000)
    worker = make(inprocess_kafka, tmp_path, recorder, slice_records=100)
    await worker.start()
    await until(lambda: len(recorder.rows) >= 100 and recorder.prepared >= 3)
    await asyncio.sleep(0.5)
    assert recorder.most == 2
    assert recorder.prepared <= 5, "what is prepared and not stored is bounded"
    assert await committed(inprocess_kafka) == 0
    release.set()
    await all_committed(inprocess_kafka, 1_000)
    await worker.stop()
    assert len(recorder.rows) == 1_000


async def test_a_command_runs_alone_piece_by_piece(inprocess_kafka: Kafka, tmp_path: Path) -> None:
    class Commanded(Recorder):
        pieces = 3
        beside = 0

        def command(self, listener: int) -> Outcome:
            super().command(listener)
            before = self.prepared, len(self.rows), self.storing
            time.sleep(0.1)
            self.beside += before != (self.prepared, len(self.rows), 0)
            self.pieces -= 1
            return Outcome(commands=[(None, "a piece")] if self.pieces >= 0 else [])  # type: ignore[list-item]

    recorder = Commanded()
    recorder.before = slow(0.03)
    await publish(inprocess_kafka, 3_000)
    command = ListenerCommand(listener="00000000000000aa", command_id="0" * 15 + "1", kind="restamp", asked_at=NOW)
    async with publishing(inprocess_kafka) as publisher:
        await publisher.publish(LISTENER_COMMAND, command)
        await publisher.flush()
    worker = make(inprocess_kafka, tmp_path, recorder, slice_records=50)
    await worker.start()
    await until(lambda: recorder.pieces < 0)
    assert len(recorder.rows) < 3_000, "plays were under way"
    await all_committed(inprocess_kafka, 3_000, 60)
    await worker.stop()
    assert recorder.commands == [0xAA] * 4
    assert recorder.beside == 0
    assert recorder.forgot == 1


async def test_the_store_retries_and_the_worker_waits_with_it(inprocess_kafka: Kafka, tmp_path: Path) -> None:
    recorder = Recorder()
    patience = Patience(threading.Event(), first_s=0.5, longest_s=1.0)
    tries: list[float] = []

    def down(_: Sequence[Taken]) -> None:
        def insert() -> None:
            tries.append(time.monotonic())
            if len(tries) < 6:
                raise StoreUnavailable("ClickHouse is down")

        patience(insert)

    recorder.before = down
    await publish(inprocess_kafka, 100)
    worker = make(inprocess_kafka, tmp_path, recorder, stalled_s=1.5)
    await worker.start()
    await all_committed(inprocess_kafka, 100)
    await worker.stop()
    assert len(recorder.rows) == 100


async def test_an_outage_longer_than_the_poll_interval(
    inprocess_kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka would leave the group when nothing is fetched for so long, and never come back."""

    def impatient(settings: WorkerSettings) -> faust.App:
        app = make_app(settings)
        app.conf.broker_max_poll_interval = 2.0
        return app

    monkeypatch.setattr(worker_module, "make_app", impatient)
    recorder = Recorder()
    back = threading.Event()

    def away(_: Sequence[Taken]) -> None:
        while not back.wait(0.2):
            alive()

    recorder.before = away
    await publish(inprocess_kafka, 2_000)
    worker = make(inprocess_kafka, tmp_path, recorder, slice_records=50, stalled_s=3.0)
    await worker.start()
    ended = asyncio.create_task(worker.failed())
    await asyncio.wait({ended}, timeout=6)
    assert not ended.done(), "who waits for ClickHouse is not stuck"
    assert recorder.prepared <= 5, "reading stops meanwhile"
    back.set()
    await all_committed(inprocess_kafka, 2_000)
    await worker.stop()
    await ended
    assert recorder.forgot == 1, "it stayed in the group"
    assert len(recorder.rows) == len(recorder.ids) == 2_000


async def test_a_store_that_hangs_ends_the_worker(inprocess_kafka: Kafka, tmp_path: Path) -> None:
    recorder = Recorder()
    release = threading.Event()

    def hang(_: Sequence[Taken]) -> None:
        release.wait(30)

    recorder.before = hang
    await publish(inprocess_kafka, 10)
    worker = make(inprocess_kafka, tmp_path, recorder, stalled_s=2.0)
    await worker.start()
    with pytest.raises(Stuck, match="10 records wait"):
        await asyncio.wait_for(worker.failed(), 15)
    await worker.stop()
    assert await committed(inprocess_kafka) == 0
    release.set()


async def test_a_coordinator_that_died_ends_the_worker(
    inprocess_kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is assigned then, and nothing ever will be; no lag is needed to see it."""

    def refuse(*_: Any) -> None:
        raise AssertionError("made for another")

    monkeypatch.setattr(PartitionAssignor, "on_assignment", refuse)
    worker = make(inprocess_kafka, tmp_path, Recorder())
    with pytest.raises(Stuck, match="made for another"):
        await asyncio.wait_for(worker.start(), 20)


async def test_a_publisher_that_broke_is_replaced_and_nothing_is_acknowledged_before(
    inprocess_kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Publisher] = []
    mended = asyncio.Event()

    class Fragile(Publisher):
        """The real one, of which the first three break at their first flush, as they do for good."""

        async def publish_many(self, topic: Topic, *args: Any, **kwargs: Any) -> None:
            await super().publish_many(topic, *args, **kwargs)
            if topic is PLAY_ENRICHED and not (mended.is_set() and len(made) > 3):
                raise BrokerUnavailable("a record was not sent")

        async def start(self) -> None:
            made.append(self)
            await super().start()

    monkeypatch.setattr(worker_module, "Publisher", Fragile)
    recorder = Recorder()
    await publish(inprocess_kafka, 50)
    worker = make(inprocess_kafka, tmp_path, recorder)
    await worker.start()
    await until(lambda: len(made) > 3)
    assert await committed(inprocess_kafka) == 0
    mended.set()
    await all_committed(inprocess_kafka, 50)
    await worker.stop()
    assert recorder.slices == len(recorder.rows) // 50 == 1, "stored once, told until it was heard"
    assert len({value for _, value in await read_all(inprocess_kafka, PLAY_ENRICHED)}) == 50


async def parts(*slices: Slice) -> AsyncIterator[Slice]:
    for part in slices:
        yield part


@pytest.mark.parametrize("topic", [PLAY_RECORDED, LISTENER_COMMAND, PLAYBACK_CHANGED], ids=lambda topic: topic.name)
async def test_what_is_read_while_partitions_are_given_up_is_neither_begun_nor_acknowledged(topic: Topic) -> None:
    recorder, metrics = Recorder(), Metrics()
    done: list[str] = []
    outlet = Outlet(lambda: Publisher(PublisherSettings(bootstrap="nowhere")), metrics.retried)
    work = Work(recorder, outlet, metrics, InHand(), publish_enriched=True)
    records = [Record(topic.name, 0, 0, NOW, None, msgspec.json.encode(play(0)))]
    part = Slice(records, 1, lambda: False, lambda: done.append("acknowledged"), lambda: done.append("dropped"))
    jobs: dict[str, Callable[[AsyncIterator[Slice]], Coroutine[Any, Any, None]]] = {
        PLAY_RECORDED.name: work.plays,
        LISTENER_COMMAND.name: partial(work.commands, recorder),
        PLAYBACK_CHANGED.name: work.playback,
    }
    with suppress(TimeoutError):  # plays wait for their end
        await asyncio.wait_for(jobs[topic.name](parts(part, part)), 0.3)
    work.stop()
    assert done == ["dropped", "dropped"]
    assert not (recorder.prepared or recorder.commands or recorder.playbacks or recorder.refused)
