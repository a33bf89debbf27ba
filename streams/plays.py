"""The fields of a play, merged from its sightings. Pure: columns in, columns out.

Each field is the first that is known, by (rank of the source, second, id). Artists go together:
names and ids are those of the first sighting that knows ids, since a poll names all artists of a
track and an export only the album's. `started_at` is as a source gave it, else the end minus
`ms_played`; `ms_played` stays null where no source knows it, so `ms_played_is_estimate` is false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.columns import Flags, Int64s, any_text, one_array, unsigned
from streams.contracts.ports import ListenerSettings
from streams.contracts.tables import MS, PLAYS
from streams.corrections import hidden_plays
from streams.identity import Keys, play_ids

_ARTISTS = ("artist_names", "artist_ids")
_MERGED = tuple(
    name
    for name in PLAYS.names[PLAYS.names.index("ended_at") : PLAYS.names.index("sources")]
    if name not in {"ms_played_is_estimate", *_ARTISTS}
)

_NOBODYS: Mapping[int, ListenerSettings] = {}
_MAY_BE_NULL = {"started_at", "ms_played", "duration_ms"} | {"shuffle", "skipped", "offline", "incognito", "explicit"}


def merged(
    tracks: pa.Table, keys: Keys, play: Int64s, settings: Mapping[int, ListenerSettings] = _NOBODYS
) -> dict[str, pa.Array]:
    """The columns `listener` to `sources` of schema PLAYS but for `version` and `is_deleted`, and `hidden`.

    One row a play, by its number in `play` (see identity.plays_of); `tracks` and `keys` are of
    the sightings, row by row.
    """
    order = np.lexsort((keys.sighting, keys.second, keys.rank, play))
    starts = np.flatnonzero(np.diff(play[order], prepend=-1))
    first = order[starts]
    columns = {
        "play_id": pa.array(play_ids(keys, play)),
        "ms_played_is_estimate": pa.array(np.zeros(len(first), np.bool_)),
        "sources": _sources(one_array(tracks["source"]).take(pa.array(order)), starts),
    }
    heads = tracks if np.array_equal(first, np.arange(tracks.num_rows)) else tracks.take(pa.array(first))
    columns |= {name: one_array(heads[name]) for name in ("listener", *_MERGED, *_ARTISTS)}
    shared = np.flatnonzero(np.diff(np.append(starts, len(order))) > 1)
    if len(shared):
        columns |= _of_several(tracks, order, starts, shared, columns)
    columns["hidden"] = pa.array(hidden_plays(keys, play, unsigned(columns["listener"]), settings))
    columns["started_at"] = _starts(columns["started_at"], columns["ended_at"], columns["ms_played"])
    return columns


def _of_several(
    tracks: pa.Table, order: Int64s, starts: Int64s, shared: Int64s, heads: Mapping[str, pa.Array]
) -> dict[str, pa.Array]:
    """Those columns in which a play of several sightings (`shared`) has not all from its first one."""
    sizes = np.diff(np.append(starts, len(order)))[shared]
    upto = np.cumsum(sizes)
    begin = upto - sizes
    rows = order[np.repeat(starts[shared] - begin, sizes) + np.arange(upto[-1])]
    several = tracks.take(pa.array(rows))
    names, ids = any_text(several["artist_names"]), any_text(several["artist_ids"])
    named = _first_where(names & ids, begin)
    named = np.where((names & ids)[named], named, _first_where(names, begin))
    columns = {}
    for name in (*_MERGED, *_ARTISTS):
        best = named if name in _ARTISTS else _first_where(_known(several[name]), begin)
        other = np.flatnonzero(best != begin)
        if len(other):
            both = pa.concat_arrays([heads[name], one_array(several[name])])
            take = np.arange(len(starts))
            take[shared[other]] = len(starts) + best[other]
            columns[name] = both.take(pa.array(take))
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
        nothing = pa.array([], field.type.value_type)
        return pa.ListArray.from_arrays(pa.array(np.zeros(rows + 1, np.int32)), nothing)
    if pa.types.is_string(field.type):
        return pa.repeat("", rows)
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


def _sources(sources: pa.StringArray, starts: Int64s) -> pa.ListArray:
    """Each play's sources, once each. Rows of a play stand together, best rank first."""
    codes = sources.dictionary_encode().indices.to_numpy()
    heads = np.zeros(len(codes), np.bool_)
    heads[starts] = True
    kept = heads | (np.diff(codes, prepend=-1) != 0)
    upto = np.concatenate([[0], np.cumsum(kept)])
    offsets = np.append(upto[starts], upto[-1]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), sources.filter(pa.array(kept)))


def _starts(given: pa.Array, ended: pa.Array, ms_played: pa.Array) -> pa.Array:
    """As given, unless that is behind the end (two sources differ); else end minus `ms_played`."""
    given, ended = given.cast(pa.int64()), ended.cast(pa.int64())
    told = pc.if_else(pc.less_equal(given, ended), given, None)
    return pc.coalesce(told, pc.subtract(ended, ms_played)).cast(MS)
