"""The known sightings that can have a say in the plays of new ones: whole components, no more.

A component (see streams/identity.py) can reach beyond any fixed width: a looped track chains for
hours. So the look-up begins 180 s to both sides of the new ends and goes on while a known sighting
of a touched component has 90 s around its own end that were not looked at. Memory answers what it
holds (streams/recent.py), ClickHouse the rest.

A sighting is the same by its id, whatever end it is stored by: it is looked for around the end that
this slice says, the end that its source reported, and the corrected end that it may have had before.

A record that comes again, the very same one (same sighting, first publishing and import), touches
its component as a new one does: it may be a replay after a crash that fell between the rows and
their events, so its plays are written and published once more. The same play from another import
or another poll is known, and touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.columns import Flags, Int64s, UInt64s, conform, milliseconds, unsigned
from streams.contracts.ports import Span
from streams.contracts.tables import SIGHTINGS
from streams.identity import components
from streams.matching import WINDOW
from streams.recent import Recent
from streams.seen import BATCH, Seen, rows_of, seen_of, together

REACH = 2 * WINDOW  # seconds looked at, at first, to both sides of an end

Fetch = Callable[[Sequence[Span]], pa.Table]


@dataclass(frozen=True)
class Neighbourhood:
    """Whole components of sightings of kind `track`, and what became of the candidates."""

    tracks: Seen
    labels: Int64s  # of `tracks`: streams.identity.components
    known: Flags  # which of `tracks` were seen before
    candidates: Seen
    fresh: Flags  # which of the candidates were not
    ended: Int64s  # the candidates' ends, for known ones as stored; Unix milliseconds UTC
    brought: UInt64s  # the import that was the first to bring each candidate; 0 for none
    flying: Seen  # candidates that an earlier slice is just writing, as it has them
    tables: dict[int, pa.Table]

    def rows(self, seen: Seen) -> pa.Table:
        """The whole rows (schema SIGHTINGS) of some of `tracks` or `flying`."""
        return rows_of(seen, self.tables) if len(seen) else SIGHTINGS.empty_table()


def look_up(candidates: pa.Table, recent: Recent, fetch: Fetch) -> Neighbourhood:
    """The neighbourhood of `candidates` (schema SIGHTINGS, each id once, of listeners that `recent` knows).

    `fetch` is PlayStore.sightings_within.
    """
    seen = seen_of(candidates, BATCH)
    ids = seen.keys.sighting
    around = _Around(recent, candidates, seen, fetch)
    known, flying = around.look(_first_places(candidates, seen, recent))

    fresh, twin = _twins(known, ids)
    again = np.zeros(len(ids), np.bool_)
    again[~fresh] = (known.published[twin] == seen.published[~fresh]) & (
        known.import_id[twin] == seen.import_id[~fresh]
    )
    ended = seen.ended.copy()
    ended[~fresh] = known.ended[twin]
    brought = seen.import_id.copy()
    brought[~fresh] = known.import_id[twin]

    tracks = together([seen.take(fresh & seen.track), known.take(known.track)])
    was_known = np.arange(len(tracks)) >= np.count_nonzero(fresh & seen.track)
    while True:
        labels = components(tracks.keys)
        if not was_known.any():
            touched = ~was_known
            break
        touched = np.zeros(len(tracks), np.bool_)
        touched[labels[~was_known | np.isin(tracks.keys.sighting, ids[again])]] = True
        touched = touched[labels]
        reach = touched & was_known
        places = recent.places(tracks.keys.listener[reach], tracks.keys.second[reach])
        open_ended = ~around.holds(places)
        if not open_ended.any():
            break
        further, _ = around.look(places[open_ended])
        further = further.take(further.track & ~np.isin(further.keys.sighting, tracks.keys.sighting))
        tracks = together([tracks, further])
        was_known = np.concatenate([was_known, np.ones(len(further), np.bool_)])
    if not touched.all():
        tracks, labels, was_known = tracks.take(touched), labels[touched], was_known[touched]
    order = np.argsort(tracks.table, kind="stable")  # rows_of wants a table's entries together
    if (np.diff(order) < 0).any():
        tracks, was_known = tracks.take(order), was_known[order]
        labels = labels[order]
    mine = flying.take(np.isin(flying.keys.sighting, ids))
    return Neighbourhood(tracks, labels, was_known, seen, fresh, ended, brought, mine, around.tables)


def _first_places(candidates: pa.Table, seen: Seen, recent: Recent) -> Int64s:
    """Where a candidate or its twin can stand."""
    listener, second = seen.keys.listener, seen.keys.second
    reported = milliseconds(candidates["reported_end"])
    late = seen.ended != reported
    corrected, ends = recent.corrected(listener, seen.keys.sighting)
    whose = np.concatenate([listener, listener[late], listener[corrected]])
    return recent.places(whose, np.concatenate([second, reported[late] // 1000, ends]))


def _twins(known: Seen, ids: UInt64s) -> tuple[Flags, Int64s]:
    """Which of `ids` are not among the known, and of the others which entry they are."""
    if not len(known):
        return np.ones(len(ids), np.bool_), np.empty(0, np.int64)
    order = np.argsort(known.keys.sighting)
    at = np.searchsorted(known.keys.sighting, ids, sorter=order).clip(max=len(order) - 1)
    entry = order[at]
    fresh = known.keys.sighting[entry] != ids
    return fresh, entry[~fresh]


class _Around:
    """Looks around places, in memory and in ClickHouse, and knows where it has looked."""

    def __init__(self, recent: Recent, candidates: pa.Table, seen: Seen, fetch: Fetch) -> None:
        self._recent = recent
        self._fetch = fetch
        self._starts = np.empty(0, np.int64)
        self._ends = np.empty(0, np.int64)
        self._nothing = seen.take(np.empty(0, np.int64))
        self.tables = {BATCH: candidates, **recent.tables()}

    def look(self, places: Int64s) -> tuple[Seen, Seen]:
        """What is known within REACH of these places, each sighting once; and what of it is in flight."""
        starts, ends = _joined(places - REACH, places + REACH)
        self._starts, self._ends = _joined(np.concatenate([self._starts, starts]), np.concatenate([self._ends, ends]))
        settled, flying = self._recent.within(starts, ends)
        found = settled + flying
        if spans := self._recent.missing(starts, ends):
            rows = conform(self._fetch(spans), SIGHTINGS)
            number = min(*self.tables, BATCH) - 1
            self.tables[number] = rows
            found.append(seen_of(rows, number))
        return _once(together([*found, self._nothing])), together([*flying, self._nothing])

    def holds(self, places: Int64s) -> Flags:
        """Whether WINDOW around each place has been looked at."""
        span = np.searchsorted(self._starts, places - WINDOW, side="right") - 1
        return np.asarray((span >= 0) & (places + WINDOW <= self._ends[span]), dtype=np.bool_)


def _joined(starts: Int64s, ends: Int64s) -> tuple[Int64s, Int64s]:
    """The same closed intervals, ascending, those that touch made one."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    breaks = starts[1:] > ends[:-1] + 1
    some = np.ones(min(1, len(starts)), np.bool_)
    return starts[np.concatenate([some, breaks])], ends[np.concatenate([breaks, some])]


def _once(seen: Seen) -> Seen:
    """Each sighting once, by id; the earliest end where two differ."""
    order = np.lexsort((seen.ended, seen.keys.sighting))
    ids = seen.keys.sighting[order]
    again = ids[1:] == ids[:-1]
    if not again.any():
        return seen
    return seen.take(order[np.concatenate([np.ones(1, np.bool_), ~again])])


def once(sightings: pa.Table) -> pa.Table:
    """Rows of schema SIGHTINGS by end, each id once, by its earliest end."""
    ended, ids = milliseconds(sightings["ended_at"]), unsigned(sightings["sighting_id"])
    order = np.lexsort((ids, ended))
    _, first = np.unique(ids[order], return_index=True)
    return sightings.take(pa.array(order[np.sort(first)])).combine_chunks()


def tracks_of(sightings: pa.Table) -> pa.Table:
    """Those of kind `track`: only they become plays."""
    tracks = pc.equal(sightings["kind"], "track")
    return sightings if pc.all(tracks).as_py() else sightings.filter(tracks)
