"""Any order, slicing, duplication, crash and replay of the same sightings gives the same plays."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.contracts.events import PlayRecorded
from streams.contracts.record import Record
from streams.pipeline import Pipeline
from tests.streams.memory import Crash, MemoryCommands, MemoryReference, MemoryStore
from tests.streams.worlds import NOW, records, worlds

CRASHES = ("", "", "plays", "import_rows", "sightings", "dead_letters")


def pipeline(store: MemoryStore) -> Pipeline:
    return Pipeline(store, MemoryReference(), MemoryCommands(), clock=lambda: NOW)


def at_once(events: list[PlayRecorded]) -> dict[tuple[int, int], dict[str, Any]]:
    store = MemoryStore()
    pipeline(store).run(records(events))
    return store.live()


@given(worlds(), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_any_order_slicing_repeat_and_crash_gives_the_same_plays(events: list[PlayRecorded], seed: int) -> None:
    chance = random.Random(seed)
    repeats = [replace(event, published_at=event.published_at + 5) for event in events]
    stream = records(chance.sample(events + repeats[:4], len(events + repeats[:4])))
    stream.insert(chance.randint(0, len(stream)), Record("t", 0, 99, NOW, None, b"{"))
    store = MemoryStore()
    worker = pipeline(store)
    told: dict[tuple[str, str], tuple[int, bool]] = {}
    at = 0
    while at < len(stream):
        upto = at + chance.randint(1, 6)
        store.crash_before = chance.choice(CRASHES)
        try:
            outcome = worker.run(stream[at:upto])
        except Crash:
            worker = pipeline(store)  # nothing was acknowledged: the same records come again, sliced anew
            continue
        store.crash_before = ""
        if chance.random() < 0.2:
            worker = pipeline(store)  # died before publishing and acknowledging
            at = max(0, at - chance.randint(0, 3))
            continue
        for event in outcome.enriched:
            key = event.listener, event.play_id
            told[key] = max(told.get(key, (0, False)), (event.version, event.removed))
        at = upto
    expected = at_once(events)
    assert store.live() == expected
    shown = {(int(listener, 16), int(play, 16)) for (listener, play), (_, gone) in told.items() if not gone}
    assert shown == set(expected), "who reads only the enriched topic knows the same plays"
    assert len(store.dead_letters) == 1


@given(worlds())
@settings(deadline=None)
def test_a_replay_of_everything_changes_nothing(events: list[PlayRecorded]) -> None:
    store = MemoryStore()
    worker = pipeline(store)
    worker.run(records(events))
    before, sightings = store.live(), dict(store.sightings)
    again = worker.run(records(events))
    other = worker.run(records([replace(event, published_at=NOW) for event in events]))
    assert (again.stored, other.stored, other.plays, other.enriched) == (0, 0, 0, [])
    assert again.known == other.known == len(events)
    assert store.live() == before
    assert store.sightings == sightings
