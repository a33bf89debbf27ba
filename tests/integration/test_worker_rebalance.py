"""Partitions are taken away while slices are under way, on Apache Kafka."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from streams.consumer import UnfinishedWork
from streams.contracts.record import Taken
from streams.contracts.topics import LISTENER_COMMAND, PLAY_RECORDED, PLAYBACK_CHANGED
from streams.publisher import Publisher
from tests.integration.test_worker import make, publishing, standings, until
from tests.support.kafka import Kafka
from tests.support.recorder import Recorder, play, uri

pytestmark = pytest.mark.apache_kafka

TOTAL = 2_000


async def test_an_insert_that_is_under_way_finishes_and_nobody_repeats_it(apache_kafka: Kafka, tmp_path: Path) -> None:
    first, second = Recorder(), Recorder()
    held, release = threading.Event(), threading.Event()

    def hold(_: Sequence[Taken]) -> None:
        if len(first.rows) >= 200:
            held.set()
            release.wait(30)

    first.before = hold
    async with publishing(apache_kafka) as publisher:
        for number in range(TOTAL):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.flush()
        one = make(apache_kafka, tmp_path, first, slice_records=50)
        await one.start()
        await asyncio.to_thread(held.wait, 20)
        other = make(apache_kafka, tmp_path, second, slice_records=50)
        joining = asyncio.create_task(other.start())
        await asyncio.sleep(3)  # the first one was told by now, and waits for its inserts
        assert not second.rows, "nobody else writes meanwhile"
        begun = first.prepared
        release.set()
        await joining
        async with asyncio.timeout(40):
            await publisher.settled()
        assert second.rows
        assert begun <= 10
    await one.stop()
    await other.stop()
    assert first.ids | second.ids == {uri(number) for number in range(TOTAL)}
    assert len(first.rows) + len(second.rows) == TOTAL, "what was in hand was committed before it was given up"
    assert first.forgot == 2


async def test_an_insert_that_does_not_finish_ends_the_worker_before_another_one_writes(
    apache_kafka: Kafka, tmp_path: Path
) -> None:
    first, second = Recorder(), Recorder()
    held, release, ended = threading.Event(), threading.Event(), threading.Event()
    beside: list[bool] = []

    def hold(_: Sequence[Taken]) -> None:
        held.set()
        release.wait(60)

    def look(_: Sequence[Taken]) -> None:
        beside.append(not ended.is_set())

    first.before, second.before = hold, look
    async with publishing(apache_kafka) as publisher:
        for number in range(TOTAL):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.flush()
        one = make(apache_kafka, tmp_path, first, slice_records=50, rebalance_s=6.0)
        await one.start()
        await asyncio.to_thread(held.wait, 20)
        other = make(apache_kafka, tmp_path, second, slice_records=50, rebalance_s=6.0)
        joining = asyncio.create_task(other.start())
        with pytest.raises(UnfinishedWork, match="did not finish within"):
            await asyncio.wait_for(one.failed(), 20)
        ended.set()
        await one.stop()
        await joining
        assert all(
            (PLAY_RECORDED.name, partition, offset) in second.offsets
            for partition, standing in (await standings(apache_kafka)).items()
            for offset in range(standing.committed or 0)
        )
        async with asyncio.timeout(40):
            await publisher.settled()
        await other.stop()
    release.set()
    assert second.ids == {uri(number) for number in range(TOTAL)}
    assert not any(beside)


async def test_three_workers_share_four_partitions_and_commands_go_where_plays_go(
    apache_kafka: Kafka, tmp_path: Path
) -> None:
    workers = [make(apache_kafka, tmp_path, Recorder()) for _ in range(3)]
    for worker in workers:
        await worker.start()

    def shares() -> list[dict[str, set[int]]]:
        return [
            {topic: {number for name, number in own if name == topic} for topic, _ in own}
            for own in (worker.assigned() for worker in workers)
        ]

    await until(lambda: sorted(len(each.get(PLAY_RECORDED.name, ())) for each in shares()) == [1, 1, 2])
    for share in shares():
        assert len(share) == 3
        assert share[PLAY_RECORDED.name] == share[LISTENER_COMMAND.name] == share[PLAYBACK_CHANGED.name]
    for worker in workers:
        await worker.stop()


async def test_ten_rebalances_with_slices_in_flight(apache_kafka: Kafka, tmp_path: Path) -> None:
    """Workers come and go all the time; no commit ever passes what is stored, and nothing is missing."""
    recorder = Recorder()  # one for all: what is durable
    threads = threading.Semaphore(8)

    def insert(_: Sequence[Taken]) -> None:
        with threads:
            threading.Event().wait(0.03)

    recorder.before = insert
    stays = make(apache_kafka, tmp_path, recorder, slice_records=40)
    async with publishing(apache_kafka) as publisher:
        await stays.start()
        producing = asyncio.create_task(_produce(publisher, 4_000))
        for _ in range(5):
            comes = make(apache_kafka, tmp_path, recorder, slice_records=40)
            await comes.start()
            await asyncio.sleep(0.5)
            await comes.stop()
            stored = set(recorder.offsets)
            for partition, standing in (await standings(apache_kafka)).items():
                missing = {
                    offset
                    for offset in range(standing.committed or 0)
                    if (PLAY_RECORDED.name, partition, offset) not in stored | recorder.offsets
                }
                assert not missing
        await producing
        async with asyncio.timeout(60):
            await publisher.settled()
    await until(lambda: recorder.ids == {uri(number) for number in range(4_000)})
    await stays.stop()


async def _produce(publisher: Publisher, count: int) -> None:
    for number in range(count):
        await publisher.publish(PLAY_RECORDED, play(number))
        if number % 10 == 0:
            await asyncio.sleep(0.03)
