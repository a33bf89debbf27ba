"""Our own export back in: the sightings of one listener as JSON Lines, CSV or Parquet -> the same events. Pure.

A row becomes what its source said, with the same source, times and fields, so that the same listener's
sightings have the same ids and show the same plays. Only the import is a new one, and the time of first
publishing is kept where it is possible. Fields are those of sinks/schema's table `sightings`; whatever
else stands in a row is passed over.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct

from producers.history import values
from producers.history.elements import BLOCK, LIMIT, Found
from producers.history.lines import Lines
from producers.history.published import Published, Whose, encode, recorded
from producers.history.rows import Rows, as_row
from producers.history.tables import Columns, Table
from streams.contracts import codec, ids, sources
from streams.contracts.errors import Refused, UserError
from streams.contracts.events import EARLIEST, PlayRecorded

Read = Callable[[int], bytes]

BATCH = 1_000  # rows of Parquet at once
LARGEST_GROUP = 256 << 20  # bytes of a row group of ours: 50,000 rows have 12 MB
LARGEST_ROWS = 100_000
MOST = 64  # artists of a row
LONGEST_TEXT = 16_384  # bytes; the longest that an event may hold has 4,096
MARKS = ("sighting_id", "reported_end", "source")  # columns that together only a sighting has


class OwnRow(Struct):
    """A sighting as an export of ours gives it."""

    source: Any = None
    kind: Any = None
    reported_end: Any = None
    ended_at: Any = None
    started_at: Any = None
    ms_played: Any = None
    duration_ms: Any = None
    uri: Any = None
    title: Any = None
    artist_names: Any = None
    artist_ids: Any = None
    album: Any = None
    album_uri: Any = None
    image_url: Any = None
    isrc: Any = None
    release_date: Any = None
    country: Any = None
    platform: Any = None
    reason_start: Any = None
    reason_end: Any = None
    shuffle: Any = None
    skipped: Any = None
    offline: Any = None
    incognito: Any = None
    explicit: Any = None
    published_at: Any = None


TEXTS = (
    "source", "kind", "uri", "title", "album", "album_uri", "image_url", "isrc", "release_date", "country", "platform",
    "reason_start", "reason_end",
)  # fmt: skip
TIMES = ("reported_end", "ended_at", "started_at")
COUNTS = ("ms_played", "duration_ms")
FLAGS = ("shuffle", "skipped", "offline", "incognito", "explicit")

_ROWS = Rows(OwnRow)
_PARQUET = re.compile(rb"^PAR1.{1,400}?(?:%b)" % b"|".join(re.escape(word.encode()) for word in sources.RANK), re.S)


class OwnFormat:
    """Sightings of an export of ours. Ids are 64-bit, the time is Unix milliseconds UTC."""

    def __init__(self, listener: int, import_id: int, published_at: int) -> None:
        self._whose = Whose(listener, import_id, published_at)

    def publish(self, row: OwnRow | None, origin: str) -> Published:
        """One sighting (None where it could not be read at all) -> its record."""
        if row is None:
            return Published(b"", 0, origin, 0)
        fields = self._fields(row)
        try:
            event = codec.decode_value(PlayRecorded, encode(fields), now=self._whose.published_at)
        except Refused:  # the worker will say the same, by name
            return self._whose.refusable(fields, origin)
        return recorded(event, self._whose, event.artists, origin)

    def _fields(self, row: OwnRow) -> dict[str, Any]:
        published = values.moment(row.published_at)
        latest = self._whose.published_at
        kept = type(published) is int and EARLIEST <= published <= latest
        fields: dict[str, Any] = {
            "listener": ids.to_hex(self._whose.listener),
            "published_at": published if kept else latest,
            "import_id": ids.to_hex(self._whose.import_id),
        }
        for name in TEXTS:
            fields[name] = _text(getattr(row, name))
        for name in TIMES:
            fields[name] = values.moment(getattr(row, name))
        for name in COUNTS:
            fields[name] = values.whole(getattr(row, name))
        for name in FLAGS:
            fields[name] = values.flag(getattr(row, name))
        if fields["ended_at"] == fields["reported_end"]:
            del fields["ended_at"]
        fields["artists"] = _artists(row.artist_names, row.artist_ids)
        return {name: value for name, value in fields.items() if value is not None}


def _text(value: Any) -> Any:
    """A text as it stands: it was stored so. One that is too long is cut to what is refused."""
    if isinstance(value, str):
        return value[: values.LONGEST]
    return values.describe(value)


def _artists(names: Any, artist_ids: Any) -> Any:
    if not isinstance(names, list):
        return None if names is None else "no list"
    found = artist_ids if isinstance(artist_ids, list) and len(artist_ids) == len(names) else [""] * len(names)
    return [{"name": _text(name), "id": _text(id_)} for name, id_ in zip(names, found, strict=True)]


# what a file of them looks like


def is_lines(head: bytes) -> bool:
    """Whether a file that begins with an object is sightings as JSON Lines."""
    line = head.split(b"\n", 1)[0]
    return all(b'"%b":' % mark.encode() in line for mark in MARKS)


def columns_of_own(head: bytes) -> list[str]:
    """The names of the columns of sightings as CSV; none where the file is something else."""
    line = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r\ufeff ")
    try:
        names = next(csv.reader([line]), [])
    except csv.Error:
        return []
    return names if set(MARKS) <= set(names) else []


def is_parquet(head: bytes) -> bool:
    """Whether a file is sightings as Parquet: the first thing in it is the source of the first one."""
    return _PARQUET.match(head) is not None


def lines(read: Read, name: str) -> Iterable[list[Found]]:
    """The rows of JSON Lines."""
    return Lines(read, name, of=_ROWS)


class OwnTable(Table):
    """The rows of CSV with those columns."""

    def __init__(self, read: Read, name: str, columns: list[str], limit: int = LIMIT) -> None:
        super().__init__(read, name, Columns(0, 0, 0, 0), limit)
        self._named = columns

    def _row(self, line: list[str] | None) -> Found:
        if line is None or len(line) != len(self._named):
            return None
        found: dict[str, Any] = dict(zip(self._named, line, strict=True))
        for name in (*TIMES, *COUNTS, *FLAGS):
            found[name] = found.get(name) or None
        for name in ("artist_names", "artist_ids"):
            try:
                found[name] = json.loads(found[name])
            except (ValueError, RecursionError, KeyError):
                return None
        return as_row(OwnRow, found)


def parquet(read: Read, name: str) -> Iterator[list[Found]]:
    """The rows of Parquet, a thousand at a time. It is read from its end, so it is put into a file first.

    Raises UserError for one that is not as we write them: packed inside, a file could hold far more than
    its size says.
    """
    with tempfile.TemporaryFile(prefix="spotifire-") as spooled:
        while block := read(BLOCK):
            spooled.write(block)
        try:
            yield from _batches(spooled, name)
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise UserError(f"{name} is damaged or incomplete ({type(error).__name__}).", cure=_AGAIN) from None


_AGAIN = "Export it again; what is stored already is not added twice."


def _batches(spooled: IO[bytes], name: str) -> Iterator[list[Found]]:
    about = pq.ParquetFile(spooled)
    columns = map(about.schema.column, range(about.metadata.num_columns))
    # as dictionaries: one text that stands in a file once may be meant a thousand times
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    file = pq.ParquetFile(spooled, pre_buffer=False, buffer_size=1 << 20, read_dictionary=texts)
    wanted = [column for column in OwnRow.__struct_fields__ if column in file.schema_arrow.names]
    if not set(MARKS) <= set(file.schema_arrow.names):
        raise UserError(f"{name} holds no sightings.", cure="Take the zip of `spotifire export`.")
    if outsized(file.metadata, spooled.seek(0, 2)):
        raise UserError(
            f"{name} is refused: it is packed inside, or in too large pieces, as no export of ours is.",
            cure="Take the zip of `spotifire export`, or its files as they are.",
        )
    for batch in file.iter_batches(BATCH, columns=wanted):
        if any(_longest(column) > LONGEST_TEXT for column in batch.columns):
            raise UserError(f"{name} is refused: it holds a text longer than any of ours.", cure=_AGAIN)
        yield [as_row(OwnRow, _plain(row)) for row in batch.to_pylist()]


def outsized(about: pq.FileMetaData, size: int) -> bool:
    """Whether a Parquet file may hold much more than its size in bytes says."""
    if about.num_rows * len(MARKS) > size:
        return True
    for group in map(about.row_group, range(about.num_row_groups)):
        columns = [group.column(each) for each in range(group.num_columns)]
        if group.total_byte_size > LARGEST_GROUP or group.num_rows > LARGEST_ROWS:
            return True
        if any(one.compression != "UNCOMPRESSED" or one.num_values > MOST * LARGEST_ROWS for one in columns):
            return True
    return False


def _longest(column: pa.Array) -> int:
    """Bytes of the longest text of a column, also of one that stands in its dictionary only."""
    texts = column.flatten() if pa.types.is_list(column.type) else column
    texts = texts.dictionary if pa.types.is_dictionary(texts.type) else texts
    return (pc.max(pc.binary_length(texts)).as_py() or 0) if pa.types.is_string(texts.type) else 0


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
