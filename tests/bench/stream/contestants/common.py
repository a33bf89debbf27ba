"""What every contestant is given, says and does the same way: arguments, first record, decode, insert."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sinks.clickhouse import ClickHouse, ClickHouseSettings
from streams.app import WorkerSettings
from streams.columns import sighting_table
from streams.contracts import codec
from streams.contracts.events import PlayRecorded
from streams.contracts.record import Taken
from streams.decoding import decode_plays

DATABASE = "spotifire"


def asked(description: str | None, *more: tuple[str, dict[str, Any]]) -> argparse.Namespace:
    """The arguments: where Kafka and the data folder are, which group, how many records there are."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bootstrap", default="")
    parser.add_argument("--group", default="")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--records", type=int, default=0)
    for name, options in more:
        parser.add_argument(name, **options)
    return parser.parse_args()


def most_rows() -> int:
    """Rows in one insert at most: as many as our worker takes into one slice."""
    return WorkerSettings(bootstrap="", data_dir=Path()).slice_records


def now_ms() -> int:
    """Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


def say(event: str, **about: Any) -> None:
    """One line of JSON to the bench, with the machine's monotonic time."""
    print(json.dumps({"event": event, "at": time.monotonic(), **about}), file=sys.__stdout__, flush=True)


class First:
    """Says when the first record was received. Call it as often as there are records."""

    def __init__(self) -> None:
        self._said = threading.Lock()

    def __call__(self) -> None:
        if self._said.acquire(blocking=False):
            say("first")


class Sink:
    """The one insert: schema SIGHTINGS, Arrow, durable when it returns; the product's own client."""

    def __init__(self, data: Path) -> None:
        self._ch = ClickHouse(ClickHouseSettings(path=data / "clickhouse", database=DATABASE))
        self._ch.ping()
        self.inserts = 0

    def store(self, rows: pa.Table) -> None:
        """Insert them."""
        self._ch.insert_arrow("sightings", rows)
        self.inserts += 1

    def store_events(self, events: Sequence[PlayRecorded]) -> None:
        """For frameworks that decode event by event: these are columns now, and one insert."""
        self.store(sighting_table(events, version()))


def version() -> int:
    """Of rows that are written now: microseconds since 1970."""
    return time.time_ns() // 1000


def decode_one(value: bytes) -> PlayRecorded:
    """One record's value, for frameworks that decode event by event."""
    return codec.decode_value(PlayRecorded, value, now=now_ms())


def decode_many(records: Sequence[Taken]) -> pa.Table:
    """A batch of records, in one go: the decode of our own worker. Raises where it refuses one."""
    decoded = decode_plays(records, now_ms=now_ms(), version=version())
    if decoded.refusals or decoded.faults:
        raise ValueError(f"{len(decoded.refusals)} refused, {len(decoded.faults)} failed")
    return decoded.sightings
