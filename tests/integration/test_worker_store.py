"""The worker with the real pipeline on the real engine: what is committed can be queried."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from msgspec.structs import replace

from sinks.clickhouse import ClickHouse
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.app import WorkerSettings
from streams.contracts.ids import from_hex, sighting_id
from streams.contracts.topics import PLAY_RECORDED
from streams.metrics import Metrics
from streams.pipeline import Pipeline
from streams.publisher import Publisher, PublisherSettings
from streams.worker import Worker
from tests.support.kafka import Kafka
from tests.support.recorder import play

TOTAL = 3000


async def test_every_sighting_is_in_clickhouse(
    inprocess_kafka: Kafka, clickhouse: ClickHouse, stopping: threading.Event, tmp_path: Path
) -> None:
    listener = Listeners(clickhouse).add("Ada", "Europe/Zurich").listener
    metrics = Metrics()
    pipeline = Pipeline(Writer(clickhouse, stopping), ClickHouseReference(clickhouse, stopping))
    worker = Worker(
        WorkerSettings(
            bootstrap=inprocess_kafka.bootstrap,
            data_dir=tmp_path,
            group=inprocess_kafka.group,
            broker_in_memory=True,
        ),
        pipeline,
        metrics,
    )
    events = [replace(play(number), listener=listener, ms_played=200_000) for number in range(TOTAL)]
    wanted = {
        sighting_id(
            from_hex(each.listener), each.source, each.reported_end, each.uri, each.artists[0].name, each.title, 200_000
        )
        for each in events
    }
    await worker.start()
    settings = PublisherSettings(bootstrap=inprocess_kafka.bootstrap, group=inprocess_kafka.group)
    async with Publisher(settings) as publisher:
        for event in (*events, *events[:100]):  # a hundred come twice
            await publisher.publish(PLAY_RECORDED, event)
        await publisher.publish_raw(PLAY_RECORDED, b"k", b"not an event", [])
        async with asyncio.timeout(60):
            await publisher.settled()
    await worker.stop()
    stored = {row[0] for row in clickhouse.query("SELECT sighting_id FROM v_sightings")}
    assert stored == wanted
    assert [row[0] for row in clickhouse.query("SELECT count() FROM v_plays")] == [TOTAL]
    assert [row[0] for row in clickhouse.query("SELECT reason FROM v_dead_letters")] == ["malformed-json"]
    seen = metrics.snapshot()
    assert (seen.plays_in, seen.stored, seen.known, seen.refused) == (TOTAL + 101, TOTAL, 100, 1)
    assert seen.enriched >= TOTAL
