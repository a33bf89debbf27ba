"""Events to Arrow columns, and small readings of list columns. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.contracts.events import PlaybackChanged, PlayRecorded
from streams.contracts.ids import sighting_id
from streams.contracts.tables import IMPORT_ROWS, MS, PLAYBACK, SIGHTINGS

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Column: TypeAlias = pa.Array | pa.ChunkedArray
Flags = npt.NDArray[np.bool_]

_COPIED = (  # what a sighting takes from its event unchanged, under the same name
    "source",
    "kind",
    "reported_end",
    "started_at",
    "ms_played",
    "duration_ms",
    "uri",
    "title",
    "album",
    "album_uri",
    "image_url",
    "isrc",
    "release_date",
    "country",
    "platform",
    "reason_start",
    "reason_end",
    "shuffle",
    "skipped",
    "offline",
    "incognito",
    "explicit",
    "published_at",
)
_values_of = attrgetter("listener", "ended_at", "artists", "import_id", *_COPIED)


def sighting_table(events: Sequence[PlayRecorded], version: int) -> pa.Table:
    """Decoded events as rows of schema SIGHTINGS, in their order, all with that `version`.

    `ended_at` is the event's better end where it has one, else the end that the source reported.
    """
    if not events:
        return SIGHTINGS.empty_table()
    rows = len(events)
    listeners, ends, artists, imports, *copied = zip(*map(_values_of, events), strict=True)
    said = dict(zip(_COPIED, copied, strict=True))
    numbers = {text: int(text, 16) for text in {*listeners, *imports} if text}
    every_artist = [artist for several in artists for artist in several]
    upto = pa.array(np.concatenate([[0], np.cumsum(np.fromiter(map(len, artists), np.int32, rows))]), pa.int32())
    columns: dict[str, object] = {
        **said,
        "listener": np.fromiter((numbers[text] for text in listeners), np.uint64, rows),
        "ended_at": [better or end for better, end in zip(ends, said["reported_end"], strict=True)],
        "sighting_id": np.fromiter(_sighting_ids(events, numbers), np.uint64, rows),
        "version": np.full(rows, version, np.uint64),
        "is_deleted": np.zeros(rows, np.uint8),
        "artist_names": pa.ListArray.from_arrays(upto, pa.array([artist.name for artist in every_artist], pa.string())),
        "artist_ids": pa.ListArray.from_arrays(upto, pa.array([artist.id for artist in every_artist], pa.string())),
        "import_id": np.fromiter((numbers.get(text, 0) for text in imports), np.uint64, rows),
    }
    return pa.table([_array(columns[field.name], field.type) for field in SIGHTINGS], schema=SIGHTINGS)


def _array(values: object, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _sighting_ids(events: Sequence[PlayRecorded], numbers: dict[str, int]) -> Iterator[int]:
    for event in events:
        yield sighting_id(
            numbers[event.listener],
            event.source,
            event.reported_end,
            event.uri,
            event.artists[0].name if event.artists else "",
            event.title,
            event.ms_played,
        )


def import_row_table(sightings: pa.Table, ended: Int64s, version: int) -> pa.Table:
    """Which import held which sighting (schema IMPORT_ROWS): each pair once, none for import 0.

    `ended` is each sighting's end as it is stored, Unix milliseconds UTC.
    """
    imports, ids = unsigned(sightings["import_id"]), unsigned(sightings["sighting_id"])
    _, first = np.unique(np.stack([imports, ids]), axis=1, return_index=True)
    held = np.sort(first[imports[first] != 0])
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
