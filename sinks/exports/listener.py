"""Everything of one listener as one zip: a file a table, and a manifest that says what is in it.

What is exported is what an erasure deletes (sinks/erase.py), the listener's settings, and the
artists of their plays; without connections and tokens, which are secrets. `sightings` is the record:
an import of it gives the same plays again (producers/history/own.py).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from sinks import erase
from sinks.clickhouse import ClickHouse
from sinks.exports.pages import Column, Format, Layout, layouts, pages
from sinks.exports.zipping import SentZip
from sinks.migrate import newest
from sinks.rows import ListenerRow

VERSION = 1
MANIFEST = "manifest.json"
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet")

LEFT_OUT: Mapping[str, str] = {
    "connections": "holds the secrets of the connection to Spotify: connect again",
    "api_tokens": "gives access to the API: add a new one",
    "measurements": "how collecting went in the last 30 days: holds no plays",
}
OWN_ARTISTS = "artist_id IN (SELECT artist_id FROM plays FINAL WHERE listener = {listener:UInt64})"
WHERE: Mapping[str, str] = {
    "listeners": erase.OF_LISTENER,
    **{table: where for table, where in erase.WHERE.items() if table not in LEFT_OUT},
    "artists": OWN_ARTISTS,
}
FIRST = "source"  # of the columns of sightings: what a Parquet file of them begins with tells what it is


class Exported(Struct, frozen=True):
    """One file of the zip."""

    table: str
    file: str
    rows: int


class Manifest(Struct, frozen=True, kw_only=True):
    """What stands in manifest.json. Ids are 16 hexadecimal digits, times ISO 8601 in UTC."""

    spotifire_export: int  # version of this layout
    schema: int  # number of the newest file of sinks/schema that was applied
    listener: str
    name: str
    format: Format
    exported_at: str
    files: list[Exported]
    left_out: Mapping[str, str]


def export_listener(ch: ClickHouse, listener: ListenerRow, format_: Format) -> Iterator[bytes]:
    """The zip, piece by piece. Blocks; raises StoreUnavailable, and then the zip is torn."""
    now = datetime.now(UTC)
    zipped = SentZip((now.year, now.month, now.day, now.hour, now.minute, now.second))
    params = {"listener": listener.id, "hex": listener.listener}
    found = layouts(ch, list(WHERE))
    files = []
    for table, where in WHERE.items():
        if table not in found:
            continue
        name, rows = f"{table}.{format_}", 0
        with zipped.member(name) as member:
            for page in _written(member, ch, arranged(found[table]), format_, where, params):
                rows += page
                yield from zipped.taken()
        files.append(Exported(table, name, rows))
    manifest = Manifest(
        spotifire_export=VERSION,
        schema=newest(ch),
        listener=listener.listener,
        name=listener.name,
        format=format_,
        exported_at=now.isoformat(timespec="seconds"),
        files=files,
        left_out=LEFT_OUT,
    )
    with zipped.member(MANIFEST) as member:
        member.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    yield from zipped.close()


def arranged(table: Layout) -> Layout:
    """The same, beginning with the column that tells what it is."""
    return msgspec.structs.replace(
        table,
        columns=tuple(sorted(table.columns, key=lambda column: column.name != FIRST or table.name != "sightings")),
    )


def _written(
    file: IO[bytes], ch: ClickHouse, table: Layout, format_: Format, where: str, params: Mapping[str, Any]
) -> Iterator[int]:
    """Writes a table, and gives the rows of each page when it is written."""
    if format_ == "csv":
        file.write(_head(table.columns))
    read = pages(ch, table, format_, where, params)
    if format_ == "parquet":
        yield from write_parquet(file, read)
        return
    for page in read:
        for lines in page.column(0).chunks if page.num_columns else ():
            file.write(_text(lines))
        yield page.num_rows


def write_parquet(file: IO[bytes], tables: Iterator[pa.Table], *, compression: str = "none") -> Iterator[int]:
    """Writes tables of one schema as row groups of a Parquet file; the rows of each.

    Plain and unpacked inside, for a zip packs it: so a reader can tell from its size what it holds.
    """
    first = next(tables)
    plain = compression == "none"
    with pq.ParquetWriter(file, first.schema, compression=compression, use_dictionary=not plain) as writer:
        writer.write_table(first)
        yield first.num_rows
        for table in tables:
            writer.write_table(table.cast(first.schema))
            yield table.num_rows


def _head(columns: tuple[Column, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([column.name for column in columns])
    return line.getvalue().encode()


def _text(lines: pa.StringArray) -> bytes:
    """The texts of a column, joined: they stand side by side in memory, each with its line's end."""
    if not len(lines):
        return b""
    start, end = lines.offset, lines.offset + len(lines)
    wide = pa.types.is_large_string(lines.type) or pa.types.is_large_binary(lines.type)
    offsets = memoryview(lines.buffers()[1]).cast("q" if wide else "i")
    return bytes(memoryview(lines.buffers()[2])[offsets[start] : offsets[end]])
