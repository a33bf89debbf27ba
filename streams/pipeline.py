"""One slice of a topic -> durable rows, and what is to be published of them.

1. decode: a record that is not an event becomes a dead letter, the rest goes on
2. refuse what nobody known listens to, and what was first published before an erasure
3. sighting ids; repeats within the slice are dropped
4. look up the known sightings of every component that is touched (streams/neighbours.py)
5. identity: components -> plays, merged fields, ids that are superseded
6. enrich: local time, season, artist, genre
7. write plays and removals, THEN sightings and import rows, then dead letters

Sightings are the commit mark. A crash before them leaves their records new to the replay, which
derives the same plays again and removes every candidate id that is not live; a crash behind them
leaves plays whose events were perhaps never published, so a record that comes again touches its
component once more. So each method may repeat its work, and returns only when all is durable.

What raises. Errors of the store, retriable or not, come out as they are. An exception of our own in
steps 1 and 3 to 6 is traced to its records by halving the slice (streams/faults.py); they become
dead letters, and when there are more than a few in a thousand the exception comes out instead.

Used by one thread at a time. Times are Unix milliseconds UTC, versions microseconds.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
import structlog
from msgspec import Struct, field

from streams.columns import Flags, Int64s, conform, import_row_table, playback_table, sighting_table, unsigned
from streams.contracts import codec
from streams.contracts.errors import Erased, OurFault, Refused, UnknownListener
from streams.contracts.events import PlaybackChanged, PlayEnriched, PlayRecorded
from streams.contracts.ids import from_hex, to_hex
from streams.contracts.ports import Command, CommandLog, ListenerSettings, PlayStore, Reference
from streams.contracts.record import Record
from streams.contracts.tables import SIGHTINGS
from streams.enrichment import enriched, events_of, removal_events
from streams.faults import FaultBudget, isolate
from streams.identity import Keys, components, keys_of, play_ids, plays_of, superseded
from streams.neighbours import look_up, tracks_of
from streams.outside import LookUpFailed, LookUps
from streams.plays import merged, removals
from streams.refusals import DeadLetter, Refusal, dead_letter, dead_letter_table

ROWS_AT_ONCE = 50_000  # plays in one insert, when a listener is stamped anew

EventT = TypeVar("EventT", PlayRecorded, PlaybackChanged)

log = structlog.get_logger(__name__)


def now_ms() -> int:
    """Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Outcome(Struct):
    """What became of a slice: records by what they were, and what is to be published, in order."""

    stored: int = 0  # records whose sighting was new
    known: int = 0  # records whose sighting was there before, or stood in the slice before
    refused: int = 0  # records that became dead letters
    plays: int = 0  # rows of plays written, without removals
    enriched: list[PlayEnriched] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    # commands that were worked on, and what came of each; None: it is carried out by `conclude`
    commands: list[tuple[Command, str | None]] = field(default_factory=list)


class _Good(Struct, Generic[EventT], frozen=True, gc=False):
    """A record that decoded, and its event."""

    record: Record
    event: EventT


class _Derived(Struct, frozen=True):
    """Rows to write. `told` are the removals that may have been live: (listeners, play ids)."""

    plays: pa.Table
    removed: pa.Table
    told: tuple[list[int], list[int]]


class _Work(Struct, frozen=True):
    """What steps 3 to 6 make of a slice."""

    derived: _Derived
    sightings: pa.Table
    import_rows: pa.Table


class Pipeline:
    """The worker's work. `clock` gives Unix milliseconds UTC."""

    def __init__(
        self,
        store: PlayStore,
        reference: Reference,
        commands: CommandLog,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._reference = reference
        self._look_ups = LookUps(store, reference)
        self._commands = commands
        self._clock = clock
        self._version = -1
        self._budget = FaultBudget()

    def run(self, records: Sequence[Record]) -> Outcome:
        """A slice of music.play.recorded.v1; those of one partition in the order of their offsets."""
        now = self._clock()
        good, refusals, faults = _decoded(PlayRecorded, records, now)
        good, settings = self._admitted(good, refusals)
        version = self._next_version(now)

        def work(part: Sequence[_Good[PlayRecorded]]) -> _Work:
            return self._work([one.event for one in part], settings, version)

        allowed = self._budget.allowed(len(records))
        try:
            made, culprits = isolate(work, good, allowed - len(faults))
        except LookUpFailed as failed:
            raise failed.error from None
        faults += [(one.record, error) for one, error in culprits]
        if len(faults) > allowed:
            raise faults[0][1]
        refusals += [Refusal(record, _our_fault(error)) for record, error in faults]

        self._write(made.derived)
        if made.sightings.num_rows or made.import_rows.num_rows:
            self._store.write_sightings(made.sightings, made.import_rows)
        outcome = self._refused(refusals, now)
        self._budget.spend(len(records), len(faults))
        outcome.stored = made.sightings.num_rows
        outcome.known = len(records) - outcome.stored - outcome.refused
        _tell(outcome, made.derived, version)
        return outcome

    def playback(self, records: Sequence[Record]) -> Outcome:
        """A slice of music.playback.changed.v1: the newest of each listener is kept."""
        now = self._clock()
        good, refusals, faults = _decoded(PlaybackChanged, records, now)
        if len(faults) > self._budget.allowed(len(records)):
            raise faults[0][1]
        refusals += [Refusal(record, _our_fault(error)) for record, error in faults]
        good, _ = self._admitted(good, refusals)
        newest = {one.event.listener: one.event for one in sorted(good, key=lambda one: one.event.observed_at)}
        if newest:
            self._store.write_playback(playback_table(list(newest.values())))
        outcome = self._refused(refusals, now)
        self._budget.spend(len(records), len(faults))
        outcome.stored = len(good)
        return outcome

    def command(self, listener: int) -> Outcome:
        """Work on the open commands of a listener, oldest first; they stay open until `conclude`.

        What they change is published in between, so a crash there only repeats it. An erasure is
        told first and done by `conclude`: once the rows are gone, nothing says what to tell.
        """
        outcome = Outcome()
        for command in self._commands.open_commands(listener):
            log.info("command begins", command=to_hex(command.command_id), kind=command.kind)
            if command.kind == "erase":
                outcome.enriched += self._farewell(listener)
                outcome.commands.append((command, None))
            else:
                outcome.commands.append((command, self._restamp(listener, outcome)))
        return outcome

    def conclude(self, outcome: Outcome) -> Outcome:
        """Carry out and mark as done the commands of an outcome of `command`, which was published."""
        for command, detail in outcome.commands:
            self._commands.done(command, self._erase(command.listener) if detail is None else detail)
        return outcome

    def refuse(self, refusals: Sequence[Refusal]) -> Outcome:
        """Keep records that were refused before they came here as dead letters."""
        return self._refused(refusals, self._clock())

    def _restamp(self, listener: int, outcome: Outcome) -> str:
        """All plays of a listener anew from all its sightings, with a newer version."""
        settings = self._reference.listeners([listener])
        if listener not in settings:
            return "nobody by that id"
        version = self._next_version(self._clock())
        tracks = tracks_of(conform(self._store.sightings_of(listener), SIGHTINGS))
        keys = keys_of(tracks)
        known = np.ones(tracks.num_rows, np.bool_)
        try:
            derived = self._derive(tracks, keys, components(keys), known, settings, version)
        except LookUpFailed as failed:
            raise failed.error from None
        self._write(derived)
        _tell(outcome, derived, version)
        return f"{derived.plays.num_rows} plays from {tracks.num_rows} sightings"

    def _farewell(self, listener: int) -> list[PlayEnriched]:
        """What tells readers of the enriched plays to drop all those of a listener."""
        keys = keys_of(tracks_of(conform(self._store.sightings_of(listener), SIGHTINGS)))
        ids = play_ids(keys, plays_of(keys, components(keys))).tolist()
        return removal_events([listener] * len(ids), ids, self._next_version(self._clock()))

    def _erase(self, listener: int) -> str:
        """Every row of a listener, gone."""
        deleted = self._store.erase(listener)
        return ", ".join(f"{table} {rows}" for table, rows in deleted.items()) or "nothing was stored"

    def _admitted(
        self, good: Sequence[_Good[EventT]], refusals: list[Refusal]
    ) -> tuple[list[_Good[EventT]], Mapping[int, ListenerSettings]]:
        """Those of listeners who are there; the others join `refusals`.

        Whatever comes for an erased listener is refused, also what was published after the
        erasure was asked for: a poller or an import may still have been at work.
        """
        numbers = {text: from_hex(text) for text in {one.event.listener for one in good}}
        settings = self._reference.listeners(list(numbers.values())) if numbers else {}
        erased = {text: settings[number].erased_at for text, number in numbers.items() if number in settings}
        admitted = []
        for one in good:
            if one.event.listener not in erased:
                refusals.append(Refusal(one.record, UnknownListener("nobody by that listener id is known")))
                continue
            if erased[one.event.listener] is not None:
                refusals.append(Refusal(one.record, Erased("its listener was erased")))
            else:
                admitted.append(one)
        return admitted, settings

    def _work(self, events: Sequence[PlayRecorded], settings: Mapping[int, ListenerSettings], version: int) -> _Work:
        """Steps 3 to 6. Reads the store and the reference data, writes nothing."""
        every = sighting_table(events, version)
        _, first, which = np.unique(unsigned(every["sighting_id"]), return_index=True, return_inverse=True)
        near = look_up(every.take(pa.array(first)), self._look_ups.sightings_within)
        derived = self._derive(near.tracks, near.keys, near.labels, near.known, settings, version)
        fresh = np.sort(first[near.fresh])
        return _Work(derived, every.take(pa.array(fresh)), import_row_table(every, near.ended[which], version))

    def _derive(
        self,
        tracks: pa.Table,
        keys: Keys,
        labels: Int64s,
        known: Flags,
        settings: Mapping[int, ListenerSettings],
        version: int,
    ) -> _Derived:
        play = plays_of(keys, labels)
        rows = superseded(keys, play, play_ids(keys, play))
        listeners, ids = keys.listener[rows].tolist(), keys.candidate[rows].tolist()
        stored = set(zip(keys.listener[known].tolist(), keys.candidate[known].tolist(), strict=True)) if ids else set()
        told = [pair for pair in zip(listeners, ids, strict=True) if pair in stored]
        return _Derived(
            plays=enriched(merged(tracks, keys, play), settings, self._look_ups, version),
            removed=removals(listeners, ids, version),
            told=([one for one, _ in told], [one for _, one in told]),
        )

    def _write(self, derived: _Derived) -> None:
        rows = pa.concat_tables([derived.plays, derived.removed])
        for start in range(0, rows.num_rows, ROWS_AT_ONCE):
            self._store.write_plays(rows.slice(start, ROWS_AT_ONCE))

    def _refused(self, refusals: Sequence[Refusal], now: int) -> Outcome:
        if refusals:
            self._store.write_dead_letters(dead_letter_table(refusals, now))
        return Outcome(refused=len(refusals), dead_letters=[dead_letter(refusal) for refusal in refusals])

    def _next_version(self, now: int) -> int:
        if self._version < 0:
            self._version = self._store.newest_version()
        self._version = max(now * 1000, self._version + 1)
        return self._version


def _decoded(
    event_type: type[EventT], records: Sequence[Record], now: int
) -> tuple[list[_Good[EventT]], list[Refusal], list[tuple[Record, Exception]]]:
    """Step 1: events, refusals, and records on which our own code failed."""
    good, refusals, faults = [], [], []
    for record in records:
        try:
            good.append(_Good(record, codec.decode(event_type, record, now_ms=now)))
        except Refused as error:
            refusals.append(Refusal(record, error))
        except Exception as error:
            faults.append((record, error))
    return good, refusals, faults


def _tell(outcome: Outcome, derived: _Derived, version: int) -> None:
    outcome.plays += derived.plays.num_rows
    outcome.enriched += events_of(derived.plays)
    outcome.enriched += removal_events(*derived.told, version)


def _our_fault(error: Exception) -> OurFault:
    """Says where, and never what: an exception's own text may quote the record."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    at = "".join(f" in {Path(frame.filename).name}, line {frame.lineno}" for frame in where)
    log.error("a record failed by a fault of ours", fault=f"{type(error).__name__}{at}")
    return OurFault(f"{type(error).__name__}{at}")
