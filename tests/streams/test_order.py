"""Any order, slicing, duplication, crash and replay of the same sightings gives the same plays."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, Protocol

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sinks.clickhouse import ClickHouse
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.contracts.events import PlayRecorded
from streams.contracts.ids import to_hex
from streams.contracts.ports import ListenerSettings, PlayStore, ZonePeriod
from streams.contracts.record import Record
from streams.contracts.tables import PLAYS
from streams.pipeline import Pipeline
from tests.streams.memory import Crash, MemoryReference, MemoryStore, at_once, plain
from tests.streams.worlds import LISTENER, NOW, heard, records, said, sighting_key, worlds

CRASHES = ("", "", "plays", "import_rows", "sightings", "dead_letters")


class Dying(PlayStore, Protocol):
    """A store that dies once before the write that `crash_before` names."""

    crash_before: str


def pipeline(store: MemoryStore) -> Pipeline:
    return Pipeline(store, MemoryReference(), clock=lambda: NOW)


@given(worlds(), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_any_order_slicing_repeat_and_crash_gives_the_same_plays(events: list[PlayRecorded], seed: int) -> None:
    chance = random.Random(seed)
    repeats = [replace(event, published_at=event.published_at + 5) for event in events]
    stream = records(chance.sample(events + repeats[:4], len(events + repeats[:4])))
    stream.insert(chance.randint(0, len(stream)), Record("t", 0, 99, NOW, None, b"{"))
    store = MemoryStore()
    told = live_through(store, pipeline, stream, chance)
    expected = at_once(events)
    assert store.live() == expected
    assert told == set(expected), "who reads only the enriched topic knows the same plays"
    assert len(store.dead_letters) == 1


def live_through(
    store: Dying, worker_on: Callable[[Any], Pipeline], stream: list[Record], chance: random.Random
) -> set[tuple[int, int]]:
    """Feed a stream through workers that die now and then; the live plays that the events told of."""
    worker = worker_on(store)
    told: dict[tuple[str, str], tuple[int, bool]] = {}
    at = 0
    while at < len(stream):
        upto = at + chance.randint(1, 6)
        store.crash_before = chance.choice(CRASHES)
        try:
            outcome = worker.run(stream[at:upto])
        except Crash:
            worker = worker_on(store)  # nothing was acknowledged: the same records come again, sliced anew
            continue
        store.crash_before = ""
        if chance.random() < 0.2:
            worker = worker_on(store)  # died before publishing and acknowledging
            at = max(0, at - chance.randint(0, 3))
            continue
        for event in said(outcome.enriched):
            key = event.listener, event.play_id
            told[key] = max(told.get(key, (0, False)), (event.version, event.removed))
        at = upto
    return {(int(listener, 16), int(play, 16)) for (listener, play), (_, gone) in told.items() if not gone}


class DyingWriter(Writer):
    """The real store, in a process that dies between two of its inserts."""

    crash_before = ""

    def _write(self, table: str, rows: pa.Table, schema: pa.Schema) -> None:
        if self.crash_before == table:
            self.crash_before = ""
            raise Crash
        super()._write(table, rows, schema)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_on_clickhouse(seed: int, clickhouse: ClickHouse, reference: ClickHouseReference) -> None:
    people = Listeners(clickhouse)
    for number, one in enumerate((LISTENER, LISTENER + 1)):
        people.put(ListenerSettings(listener=one, name=f"l{number}", zones=(ZonePeriod(0, "Europe/Berlin"),)))
    chance = random.Random(seed)
    sources = ["spotify.export.extended", "spotify.recently-played", "spotify.now-playing"]
    crowd = [
        heard(
            chance.randint(0, 900),
            chance.choice(sources),
            track=chance.choice([0, 0, 0, 1, 2, 3, 4]),
            ms_played=chance.choice([None, 25_000, 200_000]),
            listener=to_hex(LISTENER + chance.randint(0, 1)),
        )
        for _ in range(60)
    ]
    events = list({sighting_key(event): event for event in crowd}.values())
    stream = records(chance.sample(events + events[:9], len(events + events[:9])))
    store = DyingWriter(clickhouse, threading.Event())
    told = live_through(store, lambda one: Pipeline(one, reference, clock=lambda: NOW), stream, chance)
    expected = at_once(events)
    columns = [name for name in PLAYS.names if name not in {"version", "is_deleted"}]
    stored = clickhouse.query_arrow(f"SELECT {', '.join(columns)} FROM v_plays")
    rows = plain(stored.cast(pa.schema([PLAYS.field(name) for name in columns])))
    assert {(row["listener"], row["play_id"]): row for row in rows} == {
        key: {name: row[name] for name in columns} for key, row in expected.items()
    }
    assert told == set(expected)
    assert clickhouse.scalar("SELECT count() FROM v_sightings") == len(events)


@given(worlds())
@settings(max_examples=25, deadline=None)
def test_a_replay_of_everything_changes_nothing(events: list[PlayRecorded]) -> None:
    store = MemoryStore()
    worker = pipeline(store)
    worker.run(records(events))
    before, sightings = store.live(), dict(store.sightings)
    again = worker.run(records(events))
    other = worker.run(records([replace(event, published_at=NOW) for event in events]))
    assert (again.stored, other.stored, other.plays, len(other.enriched)) == (0, 0, 0, 0)
    assert again.known == other.known == len(events)
    assert store.live() == before
    assert store.sightings == sightings
