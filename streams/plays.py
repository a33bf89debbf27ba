"""The fields of a play, merged from its sightings. Pure: columns in, columns out.

Each field is the first that is known, by (rank of the source, second, id). Artists go together:
names and ids are those of the first sighting that knows ids, since a poll names all artists of a
track and an export only the album's. `started_at` is as a source gave it, else the end minus
`ms_played`; `ms_played` stays null where no source knows it, so `ms_played_is_estimate` is false.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.columns import Flags, Int64s, any_text
from streams.contracts.tables import MS, PLAYS
from streams.identity import Keys, play_ids

_ARTISTS = ("artist_names", "artist_ids")
_MERGED = tuple(
    name
    for name in PLAYS.names[PLAYS.names.index("ended_at") : PLAYS.names.index("sources")]
    if name not in {"ms_played_is_estimate", *_ARTISTS}
)

_MAY_BE_NULL = {"started_at", "ms_played", "duration_ms"} | {"shuffle", "skipped", "offline", "incognito", "explicit"}


def merged(tracks: pa.Table, keys: Keys, play: Int64s) -> dict[str, pa.Array]:
    """The columns `listener` to `sources` of schema PLAYS but for `version` and `is_deleted`.

    One row a play, by its number in `play` (see identity.plays_of); `tracks` and `keys` are of
    the sightings, row by row.
    """
    order = np.lexsort((keys.sighting, keys.second, keys.rank, play))
    starts = np.flatnonzero(np.diff(play[order], prepend=-1))
    first = order[starts]
    columns = {
        "listener": tracks["listener"].take(pa.array(first)),
        "play_id": pa.array(play_ids(keys, play)),
        "ms_played_is_estimate": pa.array(np.zeros(len(first), np.bool_)),
        "sources": _sources(tracks["source"].take(pa.array(order)), starts),
    }
    if len(first) == len(order):
        alone = tracks.take(pa.array(first))
        columns |= {name: alone[name] for name in (*_MERGED, *_ARTISTS)}
    else:
        for name in _MERGED:
            best = _first_where(_known(tracks[name])[order], starts)
            columns[name] = tracks[name].take(pa.array(order[best]))
        names = any_text(tracks["artist_names"])[order]
        ids = any_text(tracks["artist_ids"])[order] & names
        best = _first_where(ids, starts)
        best = np.where(ids[best], best, _first_where(names, starts))
        columns |= {name: tracks[name].take(pa.array(order[best])) for name in _ARTISTS}
    columns["started_at"] = _starts(columns["started_at"], columns["ended_at"], columns["ms_played"])
    return columns


def removals(listeners: Sequence[int], ids: Sequence[int], version: int) -> pa.Table:
    """Rows of schema PLAYS that remove play ids. All but id, end and version is empty."""
    rows = len(ids)
    if not rows:
        return PLAYS.empty_table()
    ends = np.array(ids, np.uint64) >> np.uint64(32)
    known = {
        "listener": pa.array(np.array(listeners, np.uint64)),
        "play_id": pa.array(np.array(ids, np.uint64)),
        "version": pa.array(np.full(rows, version, np.uint64)),
        "is_deleted": pa.array(np.ones(rows, np.uint8)),
        "ended_at": pa.array(ends.astype(np.int64) * 1000).cast(MS),
    }
    columns = [known[field.name] if field.name in known else _nothing(field, rows) for field in PLAYS]
    return pa.table(columns, schema=PLAYS)


def _nothing(field: pa.Field, rows: int) -> pa.Array:
    """Nulls where ClickHouse has them, else "", [], false and 0."""
    if field.name in _MAY_BE_NULL:
        return pa.nulls(rows, field.type)
    if pa.types.is_list(field.type):
        return pa.array([[]] * rows, field.type)
    if pa.types.is_string(field.type):
        return pa.array([""] * rows, field.type)
    return pa.array(np.zeros(rows, np.int32)).cast(field.type)


def _known(column: pa.ChunkedArray) -> Flags:
    """Whether a value is there: not null, not ""."""
    text = pa.types.is_string(column.type)
    known = pc.fill_null(pc.not_equal(column, ""), False) if text else column.is_valid()
    return np.asarray(known.to_numpy(), dtype=np.bool_)


def _first_where(known: Flags, starts: Int64s) -> Int64s:
    """In each play (its rows begin at `starts`) the first row that is known, else the first row."""
    rows = len(known)
    first = np.minimum.reduceat(np.where(known, np.arange(rows), rows), starts)
    return np.where(first == rows, starts, first)


def _sources(sources: pa.ChunkedArray, starts: Int64s) -> pa.ListArray:
    """Each play's sources, once each. Rows of a play stand together, best rank first."""
    codes = sources.combine_chunks().dictionary_encode().indices.to_numpy()
    heads = np.zeros(len(codes), np.bool_)
    heads[starts] = True
    kept = heads | (np.diff(codes, prepend=-1) != 0)
    upto = np.concatenate([[0], np.cumsum(kept)])
    offsets = np.append(upto[starts], upto[-1]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), sources.filter(pa.array(kept)).combine_chunks())


def _starts(given: pa.Array, ended: pa.Array, ms_played: pa.Array) -> pa.Array:
    """As given, unless that is behind the end (two sources differ); else end minus `ms_played`."""
    given, ended = given.cast(pa.int64()), ended.cast(pa.int64())
    told = pc.if_else(pc.less_equal(given, ended), given, None)
    return pc.coalesce(told, pc.subtract(ended, ms_played)).cast(MS)
