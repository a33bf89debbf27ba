"""Slices prepared while others are stored, deaths between any two writes, rebalances: the same plays come out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace

from streams.columns import sighting_table
from streams.contracts.events import PlayRecorded
from streams.outcome import Outcome
from streams.pipeline import Pipeline, Prepared
from streams.recent import Recent
from tests.streams.memory import Crash, MemoryReference, MemoryStore, at_once
from tests.streams.worlds import EVENING, NOW, records, said, worlds

PATIENCE_S = 60
RARELY = st.sampled_from([False] * 4 + [True])


class Storing:
    """`Pipeline.store` of one slice in a thread that stops before each of its writes."""

    def __init__(self, pipeline: Pipeline, prepared: Prepared, upto: int) -> None:
        self.upto = upto
        self.outcome: Outcome | None = None
        self._says: queue.Queue[str] = queue.Queue()
        self._may: queue.Queue[bool] = queue.Queue()
        self._thread = threading.Thread(target=self._run, args=(pipeline, prepared))
        self._thread.start()
        self.at = self._says.get(timeout=PATIENCE_S)

    def step(self, live: bool = True) -> None:
        """Let it do the write that it stands at, or die there."""
        self._may.put(live)
        self.at = self._says.get(timeout=PATIENCE_S)
        if self.at == "over":
            self._thread.join(PATIENCE_S)

    def wait(self, name: str) -> None:
        """Called in the thread, before a write."""
        self._says.put(name)
        if not self._may.get(timeout=PATIENCE_S):
            raise Crash

    def _run(self, pipeline: Pipeline, prepared: Prepared) -> None:
        LOCAL.storing = self
        try:
            self.outcome = pipeline.store(prepared)
        except Crash:
            pass
        finally:
            self._says.put("over")


LOCAL = threading.local()


class GatedStore(MemoryStore):
    """Stops before each write of a thread of Storing."""

    def _write(self, name: str, table: pa.Table, schema: pa.Schema, *key: str) -> None:
        if storing := getattr(LOCAL, "storing", None):
            storing.wait(name)
        super()._write(name, table, schema, *key)


class Worker(RuleBasedStateMachine):
    """A worker and its topic. `acknowledged` and `prepared` count records of the stream."""

    def __init__(self) -> None:
        super().__init__()
        self.store = GatedStore()
        self.stream: list[PlayRecorded] = []
        self.waiting: list[tuple[Prepared, int]] = []
        self.storing: list[Storing] = []
        self.acknowledged = self.prepared = 0
        self.told: dict[tuple[str, str], tuple[int, bool]] = {}

    @initialize(
        events=worlds(),
        seed=st.randoms(use_true_random=False),
        rows=st.sampled_from([1, 4, 50_000]),
        tails=st.sampled_from([0, 50_000]),
        listeners=st.sampled_from([1, 100]),
    )
    def begin(self, events: list[PlayRecorded], seed: Any, rows: int, tails: int, listeners: int) -> None:
        # what the store has once, it may get again: as it was, published anew, or with another corrected end
        again = [replace(event, published_at=event.published_at + 5) for event in seed.sample(events, len(events) // 3)]
        moved = [replace(event, ended_at=EVENING - 60_000 * n) for n, event in enumerate(events) if n % 4 == 1]
        self.stream = seed.sample(many := [*events, *again, *moved, *events[:3]], len(many))
        self.memory: Callable[[], Recent] = lambda: Recent(rows=rows, tails=tails, listeners=listeners, corrected=2)
        self.start()

    def start(self) -> None:
        self.pipeline = Pipeline(self.store, MemoryReference(), clock=lambda: NOW, recent=self.memory())

    @precondition(lambda self: self.prepared < len(self.stream) and len(self.waiting) + len(self.storing) < 4)
    @rule(many=st.integers(1, 6))
    def prepare(self, many: int) -> None:
        upto = min(len(self.stream), self.prepared + many)
        part = records(self.stream[self.prepared : upto], offset=self.prepared)
        self.waiting.append((self.pipeline.prepare(part), upto))
        self.prepared = upto

    @precondition(lambda self: self.waiting and sum(one.at != "over" for one in self.storing) < 2)
    @rule()
    def begin_to_store(self) -> None:
        self.storing.append(Storing(self.pipeline, *self.waiting.pop(0)))

    @precondition(lambda self: any(one.at != "over" for one in self.storing))
    @rule(which=st.integers(0, 3))
    def write(self, which: int) -> None:
        busy = [one for one in self.storing if one.at != "over"]
        busy[which % len(busy)].step()

    @precondition(lambda self: self.storing and self.storing[0].at == "over")
    @rule(dies=RARELY)
    def publish_and_acknowledge(self, dies: bool) -> None:
        done = self.storing[0]
        assert done.outcome
        for event in said(done.outcome.enriched):
            key = event.listener, event.play_id
            self.told[key] = max(self.told.get(key, (0, False)), (event.version, event.removed))
        if dies:
            self.die()
        else:
            self.acknowledged = self.storing.pop(0).upto

    @rule(now=RARELY)
    def die(self, now: bool = True) -> None:
        if not now:
            return
        for one in self.storing:
            if one.at != "over":
                one.step(live=False)
        self.storing, self.waiting = [], []
        self.prepared = self.acknowledged
        self.start()

    @precondition(lambda self: self.waiting)
    @rule(now=RARELY)
    def lose_a_prepared_slice(self, now: bool) -> None:
        """Its records are prepared once more: what nobody stored must not count as stored."""
        if not now:
            return
        self.waiting.clear()
        self.prepared = self.storing[-1].upto if self.storing else self.acknowledged

    @precondition(lambda self: not self.waiting and not self.storing)
    @rule()
    def rebalance(self) -> None:
        self.pipeline.forget()

    @rule(now=RARELY)
    def derive_again(self, now: bool) -> None:
        if not now:
            return
        for listener in {int(event.listener, 16) for event in self.stream}:
            for outcome in self.pipeline.derive_again(listener):
                for event in said(outcome.enriched):
                    key = event.listener, event.play_id
                    self.told[key] = max(self.told.get(key, (0, False)), (event.version, event.removed))

    def teardown(self) -> None:
        while self.acknowledged < len(self.stream):
            if self.storing and self.storing[0].at != "over":
                self.storing[0].step()
            elif self.storing:
                self.publish_and_acknowledge(dies=False)
            elif self.waiting:
                self.begin_to_store()
            else:
                self.prepare(5)
        if not self.stream:
            return
        live = {key for key, (_, gone) in self.told.items() if not gone}
        expected = at_once(self.stream)
        assert self.store.live() == expected
        assert {(int(listener, 16), int(play, 16)) for listener, play in live} == set(expected)
        ids = sorted(key[2] for key in self.store.sightings)
        assert ids == sorted(set(sighting_table(self.stream, 1)["sighting_id"].to_pylist())), "each sighting is one row"


TestWorker = Worker.TestCase
TestWorker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
