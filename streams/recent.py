"""What memory knows of stored sightings, so that what arrives in order asks ClickHouse nothing.

Of each listener it holds every sighting that ends in second `since` or later, and all that a slice
is just writing, which ClickHouse does not show yet. A worker is the only writer of its listeners, so
this stays true until partitions are assigned anew (`forget`) or a command changes a listener's rows
(`forget_listener`). A listener that comes for the first time begins behind the newest end that is
stored, with the ends that were corrected: a sighting's id says when its source reported it, not
where it is stored, so of those the place must be known.

    run       the sightings of one slice, sorted by place; it is in flight until its rows are durable
    settled   runs whose rows are durable; a run that is not four times as long as the next is put
              together with it, so there are few
    place     number of the listener here, and second of the end, in one 64-bit number

Bounded: of settled rows the latest to arrive and, up to a larger bound, each listener's last TAIL seconds,
which their next play asks for; of listeners the latest to be heard. What is dropped moves `since` up. For
one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from streams.columns import Flags, Int64s, UInt64s, milliseconds, unsigned
from streams.contracts.ports import Span
from streams.contracts.tables import SIGHTINGS
from streams.matching import WINDOW
from streams.seen import Seen, rows_of, together

ROWS = 20_000  # settled rows that are kept, two large slices; up to half as many again until they are dropped
# seconds before a listener's newest end: their next play asks for most of it, and may be a little late
TAIL = 2 * WINDOW + 30
TAIL_ROWS = 250_000  # that are kept for it beside ROWS: 1,000 plays a second, and some
LISTENERS = 100_000
CORRECTED = 500_000  # corrected ends that are kept, over all listeners

_SECOND_BITS = 34
_SECOND = (1 << _SECOND_BITS) - 1


@dataclass
class _Person:
    """A listener. `since` is None while nothing is known of what is stored."""

    listener: int
    number: int
    since: int | None = None  # Unix seconds UTC
    corrected: dict[int, int] = field(default_factory=dict)  # sighting id -> second of its end


@dataclass
class Run:
    """Sightings sorted by place, and their whole rows; `seen.table` is `table`, `turns` their age."""

    table: int
    seen: Seen
    places: Int64s
    rows: pa.Table
    turns: Int64s
    durable: bool = False


class Recent:
    """The memory. Times are Unix seconds UTC."""

    def __init__(
        self, *, rows: int = ROWS, tails: int = TAIL_ROWS, listeners: int = LISTENERS, corrected: int = CORRECTED
    ) -> None:
        self._most = rows
        self._most_tails = tails
        self._most_listeners = listeners
        self._most_corrected = corrected
        self._persons: dict[int, _Person] = {}  # the latest to be heard last
        self._by_number: dict[int, _Person] = {}
        self._numbers = 0
        self._corrected = 0
        self._flying: list[Run] = []
        self._settled: list[Run] = []
        self._turn = 0  # numbers runs and tables: 0 is a table of the slice at hand

    def forget(self) -> None:
        """Everything, also what is in flight."""
        self._persons, self._by_number, self._numbers, self._corrected = {}, {}, 0, 0
        self._flying, self._settled = [], []

    def forget_listener(self, listener: int) -> None:
        """What is stored of a listener; what is in flight stays."""
        if person := self._persons.get(listener):
            self.settle()
            self.settle()
            self._blank(person)
            for run in self._settled:
                _keep(run, run.places >> _SECOND_BITS != person.number)

    def settle(self) -> None:
        """Take the runs that are durable from those in flight; call it before ClickHouse is asked."""
        durable = [run for run in self._flying if run.durable]
        self._flying = [run for run in self._flying if not run.durable]
        for run in durable:
            self._settled.append(run)
            while len(self._settled) > 1 and len(self._settled[-2].places) < 4 * len(self._settled[-1].places):
                last, before = self._settled.pop(), self._settled.pop()
                self._settled.append(self._one_run([before, last]))
        if len(self._persons) > self._most_listeners or self._corrected > self._most_corrected:
            self._drop_listeners()

    def strangers(self, listeners: Iterable[int]) -> list[int]:
        """Those of whom nothing is known; all of them are now the latest to be heard."""
        unknown = []
        for listener in listeners:
            person = self._persons.pop(listener, None)
            if person is None:
                self._numbers += 1
                person = self._by_number[self._numbers] = _Person(listener, self._numbers)
            self._persons[listener] = person
            if person.since is None:
                unknown.append(listener)
        return unknown

    def learn(self, listeners: Iterable[int], newest: Mapping[int, int], corrected: pa.Table) -> None:
        """What the store says of strangers: the newest end by listener, and all corrected ends.

        Ends are Unix milliseconds UTC; `corrected` has the columns listener, sighting_id, ended_at.
        """
        for listener in listeners:
            person = self._persons[listener]
            person.since = newest[listener] // 1000 + 1 if listener in newest else 0
        self._note_corrected(
            unsigned(corrected["listener"]), unsigned(corrected["sighting_id"]), milliseconds(corrected["ended_at"])
        )

    def corrected(self, listeners: UInt64s, sightings: UInt64s) -> tuple[Int64s, Int64s]:
        """For sightings that are, or may be, stored by an end that their source corrected: which, and its second."""
        at: list[int] = []
        seconds: list[int] = []
        for listener in np.unique(listeners).tolist():
            if ends := self._persons[listener].corrected:
                rows = np.flatnonzero(listeners == np.uint64(listener)).tolist()
                for row, sighting in zip(rows, sightings[rows].tolist(), strict=True):
                    if sighting in ends:
                        at.append(row)
                        seconds.append(ends[sighting])
        return np.array(at, np.int64), np.array(seconds, np.int64)

    def places(self, listeners: UInt64s, seconds: Int64s) -> Int64s:
        """Where these ends stand: ascending by listener (in no order of its own) and second."""
        distinct, which = np.unique(listeners, return_inverse=True)
        numbers = np.array([self._persons[listener].number for listener in distinct.tolist()], np.int64)
        return (numbers[which] << _SECOND_BITS) + seconds

    def within(self, starts: Int64s, ends: Int64s) -> tuple[list[Seen], list[Seen]]:
        """What lies in these closed, disjoint, ascending intervals of places: settled, and in flight."""
        settled, flying = [
            [found for run in runs if len(found := _between(run, starts, ends))]
            for runs in (self._settled, self._flying)
        ]
        return settled, flying

    def missing(self, starts: Int64s, ends: Int64s) -> list[Span]:
        """What ClickHouse must be asked for to know all in these intervals of places."""
        numbers, which = np.unique(starts >> _SECOND_BITS, return_inverse=True)
        persons = [self._by_number[number] for number in numbers.tolist()]
        since = np.array([_SECOND if one.since is None else one.since for one in persons], np.int64)[which]
        first, last = starts & _SECOND, np.minimum(ends & _SECOND, since - 1)
        asked = np.flatnonzero(first <= last)
        listeners = [persons[one].listener for one in which[asked].tolist()]
        bounds = (first[asked] * 1000).tolist(), (last[asked] * 1000 + 999).tolist()
        return [Span(*span) for span in zip(listeners, *bounds, strict=True)]

    def tables(self) -> dict[int, pa.Table]:
        """The whole rows, by the number that `Seen.table` says."""
        return {run.table: run.rows for run in (*self._settled, *self._flying)}

    def add(self, seen: Seen, rows: pa.Table, reported: Int64s) -> Run:
        """New sightings (entry by entry those of `rows`), in flight until the run is `durable`.

        `reported` are the ends as their sources gave them, Unix milliseconds UTC.
        """
        self._turn += 1
        late = seen.ended != reported
        self._note_corrected(seen.keys.listener[late], seen.keys.sighting[late], seen.ended[late])
        places = self.places(seen.keys.listener, seen.keys.second)
        run = Run(self._turn, _of_table(seen, self._turn), places, rows, np.full(len(seen), self._turn, np.int64))
        order = np.argsort(places, kind="stable")
        run.seen, run.places = run.seen.take(order), places[order]
        self._flying.append(run)
        return run

    def flying_of(self, listener: int) -> list[pa.Table]:
        """Whole rows in flight of a listener."""
        number = self._persons[listener].number if listener in self._persons else 0
        found = [run.seen.take(run.places >> _SECOND_BITS == number) for run in self._flying]
        tables = self.tables()
        return [rows_of(seen, tables) for seen in found if len(seen)]

    def _one_run(self, runs: Sequence[Run]) -> Run:
        """Several settled runs as one, without what is no longer needed."""
        self._turn += 1
        seen, places = together([run.seen for run in runs]), np.concatenate([run.places for run in runs])
        turns = np.concatenate([run.turns for run in runs])
        kept = self._needed(places)
        if kept.sum() > self._most * 3 // 2:
            kept &= self._younger(turns, places, kept)
        tables = {run.table: run.rows for run in runs}
        rows = rows_of(seen.take(kept), tables) if kept.any() else SIGHTINGS.empty_table()
        seen, places, turns = _of_table(seen.take(kept), self._turn), places[kept], turns[kept]
        order = np.argsort(places, kind="stable")
        return Run(self._turn, seen.take(order), places[order], rows, turns[order], durable=True)

    def _needed(self, places: Int64s) -> Flags:
        numbers, which = np.unique(places >> _SECOND_BITS, return_inverse=True)
        persons = [self._by_number.get(number) for number in numbers.tolist()]
        since = [_SECOND if person is None or person.since is None else person.since for person in persons]
        return np.asarray((places & _SECOND) >= np.array(since, np.int64)[which], dtype=np.bool_)

    def _younger(self, turns: Int64s, places: Int64s, kept: Flags) -> Flags:
        """The latest to arrive of those kept, and the tails; others' listeners are known from behind them on."""
        old = kept & (turns <= np.partition(turns[kept], -self._most)[-self._most]) & (turns < turns.max())
        if (tail := old & _in_tail(places)).sum() <= self._most_tails:
            old &= ~tail
        numbers, which = np.unique(places[old] >> _SECOND_BITS, return_inverse=True)
        newest = np.zeros(len(numbers), np.int64)
        np.maximum.at(newest, which, places[old] & _SECOND)
        for number, second in zip(numbers.tolist(), newest.tolist(), strict=True):
            person = self._by_number[number]
            person.since = max(person.since or 0, second + 1)
        return self._needed(places)

    def _note_corrected(self, listeners: UInt64s, sightings: UInt64s, ended: Int64s) -> None:
        columns = listeners.tolist(), sightings.tolist(), (ended // 1000).tolist()
        for listener, sighting, second in zip(*columns, strict=True):
            ends = self._persons[listener].corrected
            self._corrected += sighting not in ends
            ends[sighting] = second

    def _blank(self, person: _Person) -> None:
        self._corrected -= len(person.corrected)
        person.since, person.corrected = None, {}

    def _drop_listeners(self) -> None:
        """Those who were heard longest ago, down to the bounds, but nobody of whom rows are in flight."""
        flying = {number for run in self._flying for number in np.unique(run.places >> _SECOND_BITS).tolist()}
        for person in list(self._persons.values()):
            if len(self._persons) <= self._most_listeners and self._corrected <= self._most_corrected:
                break
            if person.number not in flying:
                self._blank(person)
                del self._persons[person.listener], self._by_number[person.number]


def _in_tail(places: Int64s) -> Flags:
    """Which lie in the last TAIL seconds of their listener's, as far as these places go."""
    numbers, which = np.unique(places >> _SECOND_BITS, return_inverse=True)
    newest = np.zeros(len(numbers), np.int64)
    np.maximum.at(newest, which, places)
    return np.asarray(places >= newest[which] - TAIL, dtype=np.bool_)


def _between(run: Run, starts: Int64s, ends: Int64s) -> Seen:
    """The entries of a run that lie in closed, disjoint, ascending intervals."""
    low = np.searchsorted(run.places, starts)
    counts = np.searchsorted(run.places, ends, side="right") - low
    upto = np.cumsum(counts)
    return run.seen.take(np.repeat(low - upto + counts, counts) + np.arange(counts.sum()))


def _keep(run: Run, kept: Flags) -> None:
    run.seen, run.places, run.turns = run.seen.take(kept), run.places[kept], run.turns[kept]


def _of_table(seen: Seen, table: int) -> Seen:
    """The entries as those of a table that holds their rows in this order."""
    return replace(seen, table=np.full(len(seen), table, np.int64), row=np.arange(len(seen)))
