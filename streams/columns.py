"""Events to Arrow columns, and small readings of list columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.contracts.events import PlaybackChanged, PlayRecorded
from streams.contracts.ids import SEPARATOR, hashes64, name_key
from streams.contracts.tables import IMPORT_ROWS, MS, PLAYBACK, SIGHTINGS

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Column: TypeAlias = pa.Array | pa.ChunkedArray
Flags = npt.NDArray[np.bool_]

# what a sighting takes from its event under another name, or not as it is; the rest has the same name
_ARTISTS, _OTHERS = ("artist_names", "artist_ids"), ("listener", "ended_at", "import_id")
_MADE = ("sighting_id", "version", "is_deleted")
_COPIED = tuple(name for name in SIGHTINGS.names if name not in {*_ARTISTS, *_OTHERS, *_MADE})
_values_of = attrgetter("artists", *_OTHERS, *_COPIED)


def sighting_table(events: Sequence[PlayRecorded], version: int) -> pa.Table:
    """Decoded events as rows of schema SIGHTINGS, in their order, all with that `version`."""
    if not events:
        return SIGHTINGS.empty_table()
    artists, listeners, ends, imports, *copied = zip(*map(_values_of, events), strict=True)
    every = [artist for several in artists for artist in several]
    upto = pa.array(np.concatenate([[0], np.cumsum(np.fromiter(map(len, artists), np.int32, len(events)))]), pa.int32())
    said = {
        "listener": pa.array(listeners, pa.string()),
        "ended_at": pa.array(ends, pa.int64()),
        "import_id": pa.array(imports, pa.string()),
        "artist_names": pa.ListArray.from_arrays(upto, pa.array([artist.name for artist in every], pa.string())),
        "artist_ids": pa.ListArray.from_arrays(upto, pa.array([artist.id for artist in every], pa.string())),
    }
    for name, values in zip(_COPIED, copied, strict=True):
        kind = SIGHTINGS.field(name).type
        said[name] = pa.array(values, pa.int64() if pa.types.is_timestamp(kind) else kind)
    return sightings_said(said, tracks_said(said), version)


def sightings_said(said: Mapping[str, pa.Array], tracks: pa.Array, version: int) -> pa.Table:
    """Columns of events as rows of schema SIGHTINGS, all with that `version`.

    `said` has every field of PlayRecorded, ids as texts and times as numbers, but `artist_names` and
    `artist_ids` (lists as long as each other) for `artists`; only what is null by default may be.
    `tracks` is `tracks_said(said)`. `ended_at` becomes the event's better end where it has one, else
    the end that the source reported.
    """
    rows = len(tracks)
    columns = {
        **said,
        "listener": pa.array(_numbers(said["listener"])),
        "ended_at": pc.coalesce(said["ended_at"], said["reported_end"]),
        "sighting_id": pa.array(_sighting_ids(said, tracks)),
        "version": pa.array(np.full(rows, version, np.uint64)),
        "is_deleted": pa.array(np.zeros(rows, np.uint8)),
        "import_id": pa.array(_numbers(said["import_id"])),
    }
    return pa.table([_as(columns[field.name], field.type) for field in SIGHTINGS], schema=SIGHTINGS)


def _as(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return array if array.type == kind else array.cast(kind)


def tracks_said(said: Mapping[str, pa.Array]) -> pa.Array:
    """What names the track inside a sighting's id: the URI, else the folded names, else ""."""
    uri = said["uri"]
    nameless = pc.equal(uri, "")
    if not pc.any(nameless).as_py():
        return uri
    artists, titles = first_texts(said["artist_names"].filter(nameless)), said["title"].filter(nameless)
    keys = map(name_key, artists.to_pylist(), titles.to_pylist())
    return pc.replace_with_mask(uri, nameless, pa.array(keys, pa.string()))


def _numbers(texts: pa.Array) -> UInt64s:
    """Hexadecimal digits as numbers, "" as 0."""
    coded = texts.dictionary_encode()
    numbers = np.array([int(text or "0", 16) for text in coded.dictionary.to_pylist()], np.uint64)
    return np.asarray(numbers[coded.indices.to_numpy()], dtype=np.uint64)


def _sighting_ids(said: Mapping[str, pa.Array], tracks: pa.Array) -> UInt64s:
    """`ids.sighting_id` of every row."""
    played = pc.fill_null(said["ms_played"].cast(pa.string()), "")
    parts = said["listener"], said["source"], said["reported_end"].cast(pa.string()), tracks, played
    return hashes64(pc.binary_join_element_wise(*parts, SEPARATOR))


def import_row_table(sightings: pa.Table, ended: Int64s, brought: UInt64s, version: int) -> pa.Table:
    """Which import held which sighting (schema IMPORT_ROWS), each pair once.

    `ended` is each sighting's end as it is stored, Unix milliseconds UTC, `brought` the import that
    was the first to bring it. Import 0 holds only what an import brought and something else then
    brought too: it stays when that import is undone.
    """
    imports, ids = unsigned(sightings["import_id"]), unsigned(sightings["sighting_id"])
    some = np.flatnonzero(imports | brought)
    order = some[np.lexsort((ids[some], imports[some]))]
    first = np.ones(len(order), np.bool_)
    first[1:] = (ids[order][1:] != ids[order][:-1]) | (imports[order][1:] != imports[order][:-1])
    held = np.sort(order[first])
    rows = len(held)
    return pa.table(
        [
            one_array(sightings["listener"]).take(pa.array(held)),
            pa.array(imports[held]),
            pa.array(ids[held]),
            pa.array(ended[held]).cast(MS),
            pa.array(np.full(rows, version, np.uint64)),
            pa.array(np.zeros(rows, np.uint8)),
        ],
        schema=IMPORT_ROWS,
    )


def playback_table(events: Sequence[PlaybackChanged]) -> pa.Table:
    """What plays now as rows of schema PLAYBACK, in the order of the events."""
    rows = [
        {
            "listener": int(event.listener, 16),
            "observed_at": event.observed_at,
            "is_playing": event.is_playing,
            "uri": event.uri,
            "title": event.title,
            "artist_names": [artist.name for artist in event.artists],
            "album": event.album,
            "image_url": event.image_url,
            "progress_ms": event.progress_ms,
            "duration_ms": event.duration_ms,
        }
        for event in events
    ]
    return pa.Table.from_pylist(rows, schema=PLAYBACK)


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table's columns in the order and the types of `schema`, each in one chunk."""
    return table.select(schema.names).cast(schema).combine_chunks()


def unsigned(column: Column) -> UInt64s:
    """A column without nulls as 64-bit unsigned numbers: ids."""
    return np.asarray(one_array(column).to_numpy(zero_copy_only=False), dtype=np.uint64)


def milliseconds(column: Column) -> Int64s:
    """A time or number column as 64-bit signed numbers, Unix milliseconds UTC for times; null is -1."""
    known = pc.fill_null(one_array(column).cast(pa.int64()), -1)
    return np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.int64)


def first_texts(lists: Column) -> pa.Array:
    """The first text of each list, "" where the list is empty or null."""
    array = _without_nulls(lists)
    starts = array.offsets.to_numpy()
    firsts = pa.array(starts[:-1], mask=starts[1:] == starts[:-1])
    return pc.fill_null(array.values.take(firsts), "")


def any_text(lists: Column) -> Flags:
    """Whether a list holds a text that is not ""."""
    array = _without_nulls(lists)
    told = pc.fill_null(pc.not_equal(array.values, ""), False).to_numpy(zero_copy_only=False)
    upto = np.concatenate([[0], np.cumsum(told)])
    starts = array.offsets.to_numpy()
    return np.asarray(upto[starts[1:]] > upto[starts[:-1]], dtype=np.bool_)


def one_array(column: Column) -> pa.Array:
    """A column in one chunk."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _without_nulls(lists: Column) -> pa.ListArray:
    """A null list may stand over members that are not its own: make it an empty one."""
    array = one_array(lists)
    if not array.null_count:
        return array
    return pa.array([texts or [] for texts in array.to_pylist()], array.type)
