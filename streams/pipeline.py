"""One slice of a topic -> durable rows, and what is to be published of them.

`prepare` reads and thinks:
1. decode: a record that is not an event becomes a dead letter, the rest goes on
2. refuse what nobody known listens to, and what was first published before an erasure; drop the country
   where its listener keeps none
3. repeats within the slice are dropped
4. look up the known sightings of every component that is touched (streams/neighbours.py)
5. identity: components -> plays, merged fields, ids that are superseded
6. enrich: local time, season, artist, genre

`store` writes:
7. plays and removals, THEN import rows and sightings, then dead letters

Sightings are the commit mark. A crash before them leaves their records new to the replay, which
derives the same plays again and removes every candidate id that is not live; a crash behind them
leaves plays whose events were perhaps never published, so a record that comes again touches its
component once more. So each method may repeat its work, and `store` returns only when all is durable.

Slices are prepared one after the other, but while one is prepared earlier ones are still stored, two
of them at once, and they may become durable in any order. Why that is right, wherever it dies:

- The look-up of a slice sees every sighting of the slices before it: those in flight in memory, the
  others in memory or in ClickHouse. So of all slices that touch a component, the last one derives it
  whole, names every id that it can have as live or as removed, and has the highest version. Which of
  them reached the table first does not matter: ReplacingMergeTree keeps the highest version of each id.
- Slices are acknowledged in their order, each when it is durable. So after a crash the records of
  every slice that was not wholly written come again, and of whatever came behind it. Of those, the
  ones whose sightings were stored touch their components as if they were new, the others are new; and
  the versions of the next worker begin above those that are stored. So each component that a lost
  slice had a say in is derived once more, from all that is stored and all that is read again, and each
  id that any slice can have written is the candidate of one of these sightings: live, or removed.
- A slice relies on no other slice being stored: of a record that is known only from one in flight,
  it writes that sighting (the same row) itself. So what is acknowledged is stored.

What raises. Errors of the store, retriable or not, come out as they are. An exception of our own in
steps 1 and 3 to 6 is traced to its records by halving the slice (streams/faults.py); they become
dead letters, and when there are more than a few in a thousand the exception comes out instead.
`prepare` that raised has changed nothing and may be called again.

Times are Unix milliseconds UTC, versions microseconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa
import structlog
from msgspec import Struct

from streams.admission import admitted, why_refused
from streams.columns import Int64s, conform, import_row_table, milliseconds, playback_table, unsigned
from streams.contracts.events import PlaybackChanged
from streams.contracts.ids import from_hex
from streams.contracts.ports import ListenerSettings, PlayStore, Reference, Span
from streams.contracts.record import Record, Taken
from streams.contracts.tables import SIGHTINGS
from streams.corrections import without_countries
from streams.decoding import decode_plays
from streams.derivation import Derived, derive, derive_without
from streams.faults import FaultBudget, isolate, our_fault
from streams.identity import components, keys_of
from streams.neighbours import look_up, tracks_of
from streams.outcome import Outcome
from streams.outside import LookUpFailed, LookUps
from streams.pieces import piece
from streams.playback import decode_playback
from streams.recent import Recent, Run
from streams.refusals import Refusal, dead_letter, dead_letter_table

ROWS_AT_ONCE = 50_000  # plays in one insert, and sightings in a piece when a listener is derived anew

ResultT = TypeVar("ResultT")

log = structlog.get_logger(__name__)


def now_ms() -> int:
    """Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


class _Work(Struct, frozen=True):
    """What steps 3 to 6 make of a slice."""

    derived: Derived
    fresh: pa.Table  # sightings that were not known
    again: pa.Table  # sightings known from a slice in flight only
    import_rows: pa.Table
    remember: Callable[[], Run]


class Prepared(Struct):
    """A slice that was worked out and is to be stored, by the Pipeline that made it."""

    records: int
    now: int  # Unix milliseconds UTC
    work: _Work
    refusals: list[Refusal]
    run: Run  # what memory holds of it


class Pipeline:
    """The worker's work. `clock` gives Unix milliseconds UTC; without `tell`, Outcome.enriched stays empty.

    `prepare`, `derive_again` and `derive_around` take turns; `store` may run beside them.
    """

    def __init__(
        self,
        store: PlayStore,
        reference: Reference,
        *,
        clock: Callable[[], int] = now_ms,
        tell: bool = True,
        recent: Recent | None = None,
    ) -> None:
        self._store = store
        self._reference = reference
        self._look_ups = LookUps(store, reference)
        self._clock = clock
        self._tell = tell
        self._version = -1
        self._budget = FaultBudget()
        self._recent = recent or Recent()
        self._turn = threading.RLock()

    def run(self, records: Sequence[Taken]) -> Outcome:
        """`store(prepare(records))`: for those who do one slice after the other."""
        return self.store(self.prepare(records))

    def prepare(self, records: Sequence[Taken]) -> Prepared:
        """A slice of music.play.recorded.v1, worked out; those of one partition in the order of their offsets.

        Writes nothing. Slice after slice, each may be prepared while earlier ones are stored.
        """
        now = self._clock()
        with self._turn:
            version = self._next_version(now)
            decoded = decode_plays(records, now_ms=now, version=version)
            settings = self._settings(np.unique(unsigned(decoded.sightings["listener"])).tolist())
            rows, refusals = admitted(decoded, records, settings)
            sightings = without_countries(decoded.sightings, settings)
            refusals = [*decoded.refusals, *refusals]
            faults = list(decoded.faults)
            self._acquaint(list(settings))

            def work(part: Sequence[int]) -> _Work:
                whole = len(part) == decoded.sightings.num_rows
                every = sightings if whole else sightings.take(pa.array(part, pa.int64()))
                return self._work(every, settings, version)

            allowed = self._budget.allowed(len(records))
            made, culprits = _looking(lambda: isolate(work, rows, allowed - len(faults)))
            faults += [(Record.of(records[decoded.rows[row]]), error) for row, error in culprits]
            if len(faults) > allowed:
                raise faults[0][1]
            refusals += [Refusal(record, our_fault(error)) for record, error in faults]
            self._budget.spend(len(records), len(faults))
            return Prepared(len(records), now, made, refusals, made.remember())

    def store(self, prepared: Prepared) -> Outcome:
        """Make a slice durable and say what came of it. It may repeat; two slices may be stored at once."""
        work = prepared.work
        self._write(work.derived)
        if work.fresh.num_rows or work.again.num_rows or work.import_rows.num_rows:
            self._store.write_sightings(
                pa.concat_tables([work.fresh, work.again]) if work.again.num_rows else work.fresh, work.import_rows
            )
        outcome = self._refused(prepared.refusals, prepared.now)
        prepared.run.durable = True
        outcome.stored = work.fresh.num_rows
        outcome.known = prepared.records - outcome.stored - outcome.refused
        self._say(outcome, work.derived)
        return outcome

    def forget(self) -> None:
        """Drop what memory knows of rows, and seed versions anew: other workers may have written.

        After each assignment of partitions, with nothing in flight.
        """
        with self._turn:
            self._recent.forget()
            self._version = -1

    def forget_listener(self, listener: int) -> None:
        """Drop what memory knows of a listener's rows, which somebody else than `store` changed.

        Nothing of the listener may be in flight.
        """
        with self._turn:
            self._reference.forget(listener)
            self._recent.forget_listener(listener)

    def playback(self, records: Sequence[Taken]) -> Outcome:
        """A slice of music.playback.changed.v1: the newest of each listener is kept."""
        now = self._clock()
        good, refusals, faults = decode_playback(records, now_ms=now)
        if len(faults) > self._budget.allowed(len(records)):
            raise faults[0][1]
        refusals += [Refusal(record, our_fault(error)) for record, error in faults]
        settings = self._settings({from_hex(event.listener) for _, event in good})
        newest: dict[str, PlaybackChanged] = {}
        refused = len(refusals)
        for record, event in sorted(good, key=lambda one: one[1].observed_at):
            if error := why_refused(settings.get(from_hex(event.listener))):
                refusals.append(Refusal(Record.of(record), error))
            else:
                newest[event.listener] = event
        if newest:
            self._store.write_playback(playback_table(list(newest.values())))
        outcome = self._refused(refusals, now)
        self._budget.spend(len(records), len(faults))
        outcome.stored = len(good) - (len(refusals) - refused)
        return outcome

    def refuse(self, refusals: Sequence[Refusal]) -> Outcome:
        """Keep records that were refused before they came here as dead letters."""
        return self._refused(refusals, self._clock())

    def derive_again(self, listener: int) -> Iterator[Outcome]:
        """All plays of a listener anew from all their sightings, with newer versions, piece by piece.

        A piece is at most some ROWS_AT_ONCE sightings (more only where a component is larger), broken
        where no component can reach across; it is stored when it is yielded. Slices may be prepared
        and stored meanwhile. Outcome.known counts the piece's sightings of tracks.
        """
        after: int | None = -1
        self._reference.forget(listener)
        while after is not None:
            with self._turn:
                settings = self._reference.listeners([listener])
                if listener not in settings:
                    return
                fetch = partial(self._store.sightings_after, listener)
                rows, after = piece(fetch, self._recent.flying_of(listener), after, ROWS_AT_ONCE)
                tracks = tracks_of(rows)
                keys = keys_of(tracks)
                version, every = self.next_version(), np.ones(tracks.num_rows, np.bool_)
                work = partial(derive, tracks, keys, components(keys), every, settings, self._look_ups, version)
                derived = _looking(work)
            yield self._rewritten(derived, tracks.num_rows)

    def derive_around(self, sightings: pa.Table, *, gone: bool = False) -> Outcome:
        """The plays that sightings (schema SIGHTINGS, of one listener) touch, anew, with a newer version.

        With `gone` as if those were not there: before they are removed, and as often as one likes
        afterwards. Nothing of the listener may be in flight.
        """
        sightings = tracks_of(sightings)
        if not sightings.num_rows:
            return Outcome()
        listener = int(sightings["listener"][0].as_py())
        ids = unsigned(sightings["sighting_id"])

        def others(spans: Sequence[Span]) -> pa.Table:
            found = conform(self._look_ups.sightings_within(spans), SIGHTINGS)
            return found.filter(pa.array(~np.isin(unsigned(found["sighting_id"]), ids)))

        with self._turn:
            self._reference.forget(listener)
            settings = self._reference.listeners([listener])
            self._recent.forget_listener(listener)
            self._recent.strangers([listener])  # of whom memory knows nothing: all is asked of ClickHouse

            def work() -> tuple[Derived, int]:
                near = look_up(sightings, self._recent, others)
                rest = near.tracks.take(~np.isin(near.tracks.keys.sighting, ids)) if gone else near.tracks
                candidates = near.tracks.keys.candidate
                tracks, version = near.rows(rest), self.next_version()
                return derive_without(tracks, rest.keys, candidates, settings, self._look_ups, version), len(rest)

            derived, many = _looking(work)
        return self._rewritten(derived, many)

    def next_version(self) -> int:
        """Above every version that was given, here or, as far as stored, before."""
        with self._turn:
            return self._next_version(self._clock())

    def _settings(self, listeners: Sequence[int] | set[int]) -> Mapping[int, ListenerSettings]:
        return self._reference.listeners(list(listeners)) if listeners else {}

    def _acquaint(self, listeners: Sequence[int]) -> None:
        """See to it that memory knows these listeners, and which of its rows ClickHouse shows."""
        self._recent.settle()
        if strangers := self._recent.strangers(listeners):
            newest, corrected = self._store.newest_ends(strangers), self._store.corrected_ends(strangers)
            self._recent.learn(strangers, newest, corrected)

    def _work(self, every: pa.Table, settings: Mapping[int, ListenerSettings], version: int) -> _Work:
        """Steps 3 to 6. Reads the store and the reference data, writes nothing."""
        candidates, which = _distinct(every)
        near = look_up(candidates, self._recent, self._look_ups.sightings_within)
        tracks = near.rows(near.tracks)
        derived = derive(tracks, near.tracks.keys, near.labels, near.known, settings, self._look_ups, version)
        fresh = candidates if near.fresh.all() else candidates.filter(pa.array(near.fresh))
        import_rows = import_row_table(every, near.ended[which], near.brought[which], version)

        def remember() -> Run:
            return self._recent.add(near.candidates.take(near.fresh), fresh, milliseconds(fresh["reported_end"]))

        return _Work(derived, fresh, near.rows(near.flying), import_rows, remember)

    def _rewritten(self, derived: Derived, sightings: int) -> Outcome:
        self._write(derived)
        outcome = Outcome(known=sightings)
        self._say(outcome, derived)
        return outcome

    def _write(self, derived: Derived) -> None:
        rows = derived.rows()
        for start in range(0, rows.num_rows, ROWS_AT_ONCE):
            self._store.write_plays(rows.slice(start, ROWS_AT_ONCE))

    def _say(self, outcome: Outcome, derived: Derived) -> None:
        outcome.plays += derived.plays.num_rows
        if self._tell:
            outcome.enriched += derived.messages()

    def _refused(self, refusals: Sequence[Refusal], now: int) -> Outcome:
        if refusals:
            self._store.write_dead_letters(dead_letter_table(refusals, now))
        return Outcome(refused=len(refusals), dead_letters=[dead_letter(refusal) for refusal in refusals])

    def _next_version(self, now: int) -> int:
        if self._version < 0:
            self._version = self._store.newest_version()
        self._version = max(now * 1000, self._version + 1)
        return self._version


def _looking(work: Callable[[], ResultT]) -> ResultT:
    """What `work` makes, which looks things up; the store's own error where that fails."""
    try:
        return work()
    except LookUpFailed as failed:
        raise failed.error from None


def _distinct(every: pa.Table) -> tuple[pa.Table, Int64s]:
    """Each sighting once, as it came first, and for each row which of them it is."""
    ids = unsigned(every["sighting_id"])
    _, first, which = np.unique(ids, return_index=True, return_inverse=True)
    if len(first) == len(ids):
        return every, np.arange(len(ids))
    order = np.argsort(first)
    place = np.empty(len(first), np.int64)
    place[order] = np.arange(len(first))
    return every.take(pa.array(first[order])).combine_chunks(), place[which]
