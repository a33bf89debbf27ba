"""The known sightings that can have a say in the plays of new ones: whole components, no more.

A component (see streams/identity.py) can reach beyond any fixed width: a looped track chains for
hours. So the look-up begins 180 s to both sides of the new ends and goes on while a known sighting
of a touched component has 90 s around its own end that were not looked at. Pure but for `fetch`.

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
from streams.identity import Keys, components, keys_of, subset
from streams.matching import WINDOW

REACH = 2 * WINDOW  # seconds looked at, at first, to both sides of an end
JOIN = 1_800  # seconds between two spans that are not worth two reads

_LISTENER_BITS = 34  # seconds of one listener stand below its rank in one 64-bit number

Fetch = Callable[[Sequence[Span]], pa.Table]


@dataclass(frozen=True)
class Neighbourhood:
    """Whole components of sightings of kind `track`, with what streams/identity.py made of them."""

    tracks: pa.Table
    keys: Keys
    labels: Int64s
    known: Flags  # which of `tracks` were stored before
    fresh: Flags  # which of the candidates were not
    ended: Int64s  # the candidates' ends, for known ones as stored; Unix milliseconds UTC


def look_up(candidates: pa.Table, fetch: Fetch) -> Neighbourhood:
    """The neighbourhood of `candidates` (schema SIGHTINGS, each id once). `fetch` is a PlayStore's look-up."""
    listener, ended = unsigned(candidates["listener"]), milliseconds(candidates["ended_at"])
    reported = milliseconds(candidates["reported_end"])
    late = ended != reported  # its twin may be stored by the end that the source reported
    covered = _Covered(np.unique(listener))
    spans = covered.add(np.concatenate([listener, listener[late]]), np.concatenate([ended, reported[late]]) // 1000)
    known = _once(conform(fetch(spans), SIGHTINGS), np.empty(0, np.uint64))

    stored, ids = unsigned(known["sighting_id"]), unsigned(candidates["sighting_id"])
    at = np.searchsorted(stored, ids)
    fresh = ~np.isin(ids, stored)
    twin = at[~fresh]
    again = np.zeros(len(ids), np.bool_)
    again[~fresh] = (milliseconds(known["published_at"])[twin] == milliseconds(candidates["published_at"])[~fresh]) & (
        unsigned(known["import_id"])[twin] == unsigned(candidates["import_id"])[~fresh]
    )
    ended = ended.copy()
    ended[~fresh] = milliseconds(known["ended_at"])[twin]

    new, old = tracks_of(candidates.filter(pa.array(fresh))), tracks_of(known)
    tracks = pa.concat_tables([new, old])
    was_known = np.arange(tracks.num_rows) >= new.num_rows
    while True:
        keys = keys_of(tracks)
        labels = components(keys)
        touching = ~was_known | np.isin(keys.sighting, ids[again])
        touched = np.isin(labels, labels[touching])
        open_ended = touched & was_known
        open_ended[open_ended] = ~covered.holds(keys.listener[open_ended], keys.second[open_ended])
        if not open_ended.any():
            break
        found = fetch(covered.add(keys.listener[open_ended], keys.second[open_ended]))
        further = _once(tracks_of(conform(found, SIGHTINGS)), keys.sighting)
        tracks = pa.concat_tables([tracks, further])
        was_known = np.concatenate([was_known, np.ones(further.num_rows, np.bool_)])
    if touched.all():
        return Neighbourhood(tracks, keys, labels, was_known, fresh, ended)
    return Neighbourhood(
        tracks.filter(pa.array(touched)), subset(keys, touched), labels[touched], was_known[touched], fresh, ended
    )


class _Covered:
    """Which seconds of which listeners have been looked at, as disjoint ascending intervals."""

    def __init__(self, listeners: UInt64s) -> None:
        self._listeners = listeners
        self._starts = np.empty(0, np.int64)
        self._ends = np.empty(0, np.int64)

    def add(self, listener: UInt64s, second: Int64s) -> list[Span]:
        """Look REACH around these seconds: the spans to fetch."""
        at = self._position(listener, second)
        starts, ends = _joined(at - REACH, at + REACH, JOIN)
        every = np.concatenate([self._starts, starts]), np.concatenate([self._ends, ends])
        self._starts, self._ends = _joined(*every, 0)
        whose = self._listeners[starts >> _LISTENER_BITS].tolist()
        base = starts >> _LISTENER_BITS << _LISTENER_BITS
        first, last = ((starts - base) * 1000).tolist(), ((ends - base) * 1000 + 999).tolist()
        return [Span(*span) for span in zip(whose, first, last, strict=True)]

    def holds(self, listener: UInt64s, second: Int64s) -> Flags:
        """Whether WINDOW around each second has been looked at."""
        at = self._position(listener, second)
        span = np.searchsorted(self._starts, at - WINDOW, side="right") - 1
        return np.asarray((span >= 0) & (at + WINDOW <= self._ends[span]), dtype=np.bool_)

    def _position(self, listener: UInt64s, second: Int64s) -> Int64s:
        return (np.searchsorted(self._listeners, listener) << _LISTENER_BITS) + second


def _joined(starts: Int64s, ends: Int64s, gap: int) -> tuple[Int64s, Int64s]:
    """The same intervals, ascending, those at most `gap` seconds apart made one."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    breaks = starts[1:] > ends[:-1] + gap
    some = np.ones(min(1, len(starts)), np.bool_)
    return starts[np.concatenate([some, breaks])], ends[np.concatenate([breaks, some])]


def _once(sightings: pa.Table, but: UInt64s) -> pa.Table:
    """Each sighting once, by id, without those of the ids `but`; the earliest end where two differ."""
    order = np.lexsort((milliseconds(sightings["ended_at"]), unsigned(sightings["sighting_id"])))
    ids = unsigned(sightings["sighting_id"])[order]
    first = np.ones(len(ids), np.bool_)
    first[1:] = ids[1:] != ids[:-1]
    return sightings.take(pa.array(order[first & ~np.isin(ids, but)]))


def tracks_of(sightings: pa.Table) -> pa.Table:
    """Those of kind `track`: only they become plays."""
    return sightings.filter(pc.equal(sightings["kind"], "track"))
