"""The whole way of a polled play: fake Spotify, collector, Kafka, Faust worker, ClickHouse; then a kill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from producers.spotify.collector import Collector, CollectorSettings
from producers.spotify.fake.clock import ManualClock
from producers.spotify.fake.troubles import NASTY
from sinks.clickhouse import ClickHouse
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.app import WorkerSettings
from streams.contracts.errors import SourceUnavailable
from streams.metrics import Metrics
from streams.pipeline import Pipeline
from streams.publisher import Publisher, PublisherSettings
from streams.worker import Worker

from .conftest import Bench, MakeFake, MovingClock
from .test_collector import QUICK, until
from .test_plays import ids, listed


@asynccontextmanager
async def stack(bench: Bench, pipeline: Pipeline, folder: Path) -> AsyncIterator[Collector]:
    """A broker of its own, a worker, a publisher and the collector; all gone at the end."""
    broker = InProcessBroker()
    bootstrap = await asyncio.to_thread(broker.start)
    async with AsyncExitStack() as ending:
        ending.push_async_callback(asyncio.to_thread, broker.stop)
        await create_topics(bootstrap)
        worker = Worker(
            WorkerSettings(bootstrap=bootstrap, data_dir=folder, broker_in_memory=True), pipeline, Metrics()
        )
        await worker.start()
        ending.push_async_callback(worker.stop)
        publisher = await ending.enter_async_context(Publisher(PublisherSettings(bootstrap=bootstrap)))
        one = Collector(
            CollectorSettings(spotify=bench.settings, pace=QUICK, watch_s=0.2),
            bench.connections,
            bench.collected,
            bench.library,
            publisher,
            bench.vault,
            clock=bench.clock,
        )
        task = asyncio.create_task(one.run())

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        ending.push_async_callback(end)
        yield one


async def test_plays_come_through_kafka_once_and_go_on_after_a_restart(
    make_fake: MakeFake,
    music: ManualClock,
    clock: MovingClock,
    clickhouse: ClickHouse,
    store: Writer,
    reference: ClickHouseReference,
    tmp_path: Path,
) -> None:
    bench = Bench(make_fake(troubles=NASTY), music, clock, clickhouse)
    pipeline = Pipeline(store, reference)
    listener = bench.add()
    while bench.connections.get(listener) is None:
        try:
            bench.connect(listener)
        except SourceUnavailable:
            continue

    # a late play can miss the first list only near its far end
    since = listed(bench)[-25].played_at

    def complete() -> bool:
        stored = set(bench.stored(listener))
        wanted = ids(listener, [play for play in listed(bench) if play.played_at >= since])
        return wanted <= stored == ids(listener, bench.fake.shown(bench.account()))

    async with stack(bench, pipeline, tmp_path / "one"):
        await until(lambda: len(bench.stored(listener)) >= 45, 60)
        music.advance(1_200)
        await until(complete, 60)
    # everything that was on Kafka is gone with the broker: ClickHouse's rows are what is left
    music.advance(1_200)
    async with stack(bench, pipeline, tmp_path / "two") as one:
        await until(complete, 60)
        assert one.health()[0].gaps == 0
    stored = bench.stored(listener)
    assert len(stored) == len(set(stored))
    plays = bench.ch.query("SELECT count() FROM v_plays WHERE listener = {l:UInt64}", {"l": listener})
    assert plays[0][0] == len(stored)
