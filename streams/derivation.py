"""Sightings of whole components -> the rows of their plays, and of the ids that are no longer live."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from msgspec import Struct

from streams.columns import Flags, Int64s, UInt64s, unsigned
from streams.contracts.ports import ListenerSettings, Reference
from streams.enrichment import enriched
from streams.identity import Keys, components, pair_codes, play_ids, plays_of, superseded
from streams.plays import merged, removals
from streams.telling import Messages, removed, told


class Derived(Struct, frozen=True):
    """Rows to write. `told` are the removals that may have been live: (listeners, play ids)."""

    plays: pa.Table
    removed: pa.Table
    told: tuple[list[int], list[int]]
    version: int

    def rows(self) -> pa.Table:
        """All rows of schema PLAYS."""
        return pa.concat_tables([self.plays, self.removed]) if self.removed.num_rows else self.plays

    def messages(self) -> Messages:
        """What readers of the enriched plays are told."""
        said = told(self.plays)
        said += removed(*self.told, self.version)
        return said


def derive(
    tracks: pa.Table,
    keys: Keys,
    labels: Int64s,
    known: Flags,
    settings: Mapping[int, ListenerSettings],
    reference: Reference,
    version: int,
) -> Derived:
    """The plays that sightings of kind `track` show, row by row with their keys and components.

    `known` are those that were there before: their ids may be live.
    """
    play = plays_of(keys, labels)
    gone = superseded(keys, play, play_ids(keys, play))
    listeners, ids = keys.listener[gone], keys.candidate[gone]
    may_live = np.empty(0, np.bool_)
    if len(gone):
        candidates, stored = pair_codes((listeners, ids), (keys.listener[known], keys.candidate[known]))
        may_live = np.isin(candidates, stored)
    return Derived(
        plays=enriched(merged(tracks, keys, play, settings), settings, reference, version),
        removed=removals(listeners.tolist(), ids.tolist(), version),
        told=(listeners[may_live].tolist(), ids[may_live].tolist()),
        version=version,
    )


def derive_without(
    tracks: pa.Table,
    keys: Keys,
    candidates: UInt64s,
    settings: Mapping[int, ListenerSettings],
    reference: Reference,
    version: int,
) -> Derived:
    """The plays of sightings of one listener, and removals of every id of `candidates` that is not live."""
    known = np.ones(tracks.num_rows, np.bool_)
    derived = derive(tracks, keys, components(keys), known, settings, reference, version)
    dead = np.setdiff1d(candidates, unsigned(derived.plays["play_id"])).tolist()
    whose = [next(iter(settings))] * len(dead)
    return Derived(derived.plays, removals(whose, dead, version), (whose, dead), version)
