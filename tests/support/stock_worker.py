"""The control: the same pipeline under Faust as its manual shows it. It must lose, or our tests see nothing.

Plain `take()`, Faust's own acknowledging and commits, its default supervisor, an insert that is tried
once. `python -m tests.support.stock_worker --kafka ... --clickhouse ... --data ...`, the database's
name from the environment, as for `spotifire worker`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any

import faust

from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.contracts.record import Record
from streams.contracts.topics import PLAY_RECORDED, WORKER_GROUP
from streams.pipeline import Pipeline


def make_app(kafka: str, folder: Path, pipeline: Pipeline) -> faust.App:
    """An app with one agent, as one finds it in Faust's documentation."""
    app = faust.App(
        WORKER_GROUP,
        broker=f"kafka://{kafka}",
        datadir=str(folder),
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=0.2,
        stream_recovery_delay=0.0,
    )

    async def plays(stream: Any) -> None:
        async for events in stream.take_events(500, within=0.1):
            await asyncio.to_thread(pipeline.run, [_record(event.message) for event in events])

    app.agent(app.topic(PLAY_RECORDED.name, key_serializer="raw", value_serializer="raw"), name="plays")(plays)
    return app


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=round((message.timestamp or 0.0) * 1000),
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
    )


async def main() -> None:
    """Work until SIGTERM."""
    asked = argparse.ArgumentParser()
    for name in ("--kafka", "--clickhouse", "--data"):
        asked.add_argument(name, required=True)
    given = asked.parse_args()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    once = threading.Event()
    once.set()  # the store gives up at once instead of trying again
    ch = ClickHouse(ClickHouseSettings(url=given.clickhouse, database=os.environ["SPOTIFIRE_DATABASE"]))
    pipeline = Pipeline(Writer(ch, once), ClickHouseReference(ch, once))
    app = make_app(given.kafka, Path(given.data), pipeline)
    await app.start()
    await stopping.wait()
    await app.stop()
    ch.close()


if __name__ == "__main__":
    asyncio.run(main())
