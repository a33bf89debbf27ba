"""The record outside of the database: every listener's sightings as Parquet, a file a month, on a disk or in S3.

    <place>/manifest.json                 what each month held when it was written
    <place>/<listener>/listener.json      name, zones and what counts
    <place>/<listener>/<YYYY-MM>.parquet  sightings that ended then, UTC, as `spotifire export` gives them

Only months that changed since are written, which four figures say: the number of live sightings, their
newest version, the exclusive or of their ids, and how many have a country, which is dropped without a new
version. The manifest comes last, so whatever was cut off is written again. Who was erased is removed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from pyarrow import fs

from sinks.clickhouse import ClickHouse
from sinks.erase import NOT_ERASED, OF_LISTENER
from sinks.exports.listener import arranged, write_parquet
from sinks.exports.pages import Layout, layouts, pages
from sinks.travel import Travel
from streams.contracts.errors import UserError
from streams.contracts.ids import from_hex, to_hex

MANIFEST = "manifest.json"
LISTENER = "listener.json"
LARGEST = 1 << 30  # bytes of one month: 100,000 sightings have 10 MB

_HEX = re.compile(r"[0-9a-f]{16}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}\.parquet")
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,62})(/[A-Za-z0-9!_.*'()/-]*)?")


class Month(Struct, frozen=True):
    """What a month of a listener held. `ids` is the exclusive or of them, 16 hexadecimal digits."""

    rows: int
    version: int
    ids: str
    countries: int = -1  # rows that have one; not known of an older archive, whose months are written again


class Contents(Struct):
    """What stands in the archive's manifest.json: months by listener, `2025-03` -> what it held."""

    spotifire_archive: int = 1
    listeners: dict[str, dict[str, Month]] = {}


class S3Settings(Struct, frozen=True):
    """Where an S3-compatible store is. Without keys the usual environment and files of AWS are asked."""

    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = ""

    def __repr__(self) -> str:
        return f"S3Settings({self.endpoint!r})"


class Archived(Struct, frozen=True):
    """What a run did."""

    place: str
    listeners: int
    months: int  # that it holds now
    written: int
    removed: int
    rows: int  # of the written ones


class Place:
    """A folder, or a bucket and a prefix."""

    def __init__(self, text: str, s3: S3Settings | None = None) -> None:
        """Raises UserError for an address that is none."""
        self.text = text
        self._fs: fs.FileSystem
        if "://" not in text:
            self._root, self._fs = str(Path(text).expanduser().absolute()), fs.LocalFileSystem()
            return
        found = _BUCKET.fullmatch(text)
        if found is None:
            raise UserError(f"{text!r} is no place for an archive.", cure="Give a folder, or s3://BUCKET/PREFIX.")
        self._root = (found[1] + (found[2] or "")).rstrip("/")
        given = s3 or S3Settings()
        options: dict[str, Any] = {"region": given.region or "us-east-1", "connect_timeout": 10, "request_timeout": 60}
        if given.endpoint:
            scheme, _, host = given.endpoint.rpartition("://")
            options |= {"endpoint_override": host, "scheme": scheme or "https"}
        if given.access_key:
            options |= {"access_key": given.access_key, "secret_key": given.secret_key}
        self._fs = fs.S3FileSystem(**options)

    def read(self, name: str) -> bytes | None:
        """A file of it, or None where there is none. Raises UserError."""
        try:
            about = self._fs.get_file_info(self._path(name))
            if about.type != fs.FileType.File:
                return None
            if about.size > LARGEST:
                raise UserError(f"{name} in {self.text} is too large for a file of an archive.", cure="Remove it.")
            with self._fs.open_input_stream(self._path(name)) as file:
                return bytes(file.read())
        except OSError as error:
            raise self._unreachable(error) from error

    def write(self, name: str, data: bytes) -> None:
        """A file, whole or not at all. Raises UserError."""
        path = self._path(name)
        try:
            if isinstance(self._fs, fs.LocalFileSystem):
                self._fs.create_dir(path.rpartition("/")[0], recursive=True)
                with self._fs.open_output_stream(path + ".new") as file:
                    file.write(data)
                self._fs.move(path + ".new", path)
            else:  # appears when it is closed
                with self._fs.open_output_stream(path) as file:
                    file.write(data)
        except OSError as error:
            raise self._unreachable(error) from error

    def remove(self, name: str) -> None:
        """One file; nothing happens where there is none. Raises UserError."""
        try:
            if self._fs.get_file_info(self._path(name)).type == fs.FileType.File:
                self._fs.delete_file(self._path(name))
        except OSError as error:
            raise self._unreachable(error) from error

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _unreachable(self, error: OSError) -> UserError:
        """Without what the store answered: it may repeat the key."""
        return UserError(
            f"The archive at {self.text} cannot be reached ({type(error).__name__}).",
            cure="Check the address, the endpoint and the credentials.",
        )


def run(ch: ClickHouse, place: Place) -> Archived:
    """Write what changed. Raises UserError (the place) and StoreUnavailable."""
    before, now = contents(place), _contents(ch)
    table = arranged(layouts(ch, ["sightings"])["sightings"])
    written = rows = removed = 0
    for listener, months in now.listeners.items():
        place.write(f"{listener}/{LISTENER}", _settings(ch, listener))
        for month, held in months.items():
            if before.listeners.get(listener, {}).get(month) != held:
                place.write(f"{listener}/{month}.parquet", _sightings(ch, table, listener, month))
                written, rows = written + 1, rows + held.rows
    for listener, months in before.listeners.items():
        gone = [month for month in months if month not in now.listeners.get(listener, {})]
        for month in gone:
            place.remove(f"{listener}/{month}.parquet")
        if listener not in now.listeners:
            place.remove(f"{listener}/{LISTENER}")
        removed += len(gone)
    place.write(MANIFEST, msgspec.json.encode(now))
    months_held = sum(map(len, now.listeners.values()))
    return Archived(place.text, len(now.listeners), months_held, written, removed, rows)


def contents(place: Place) -> Contents:
    """What an archive says that it holds; nothing where it is empty. Raises UserError for another file."""
    text = place.read(MANIFEST)
    if text is None:
        return Contents()
    try:
        found = msgspec.json.decode(text, type=Contents)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise UserError(f"{place.text} holds something else than an archive.", cure="Choose another place.") from None
    for listener, months in found.listeners.items():
        if not _HEX.fullmatch(listener) or not all(_MONTH.fullmatch(f"{month}.parquet") for month in months):
            raise UserError(f"The archive at {place.text} is refused: its names are not ours.", cure="Check it.")
    return found


def settings_of(place: Place, listener: str) -> dict[str, Any]:
    """A listener's settings as the archive has them. Raises UserError."""
    text = place.read(f"{listener}/{LISTENER}")
    try:
        found = json.loads(text or b"")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("listener") != listener:
        raise UserError(f"The archive at {place.text} lacks the settings of {listener}.", cure="Run it again.")
    return found


def fetch(place: Place, listener: str, months: Sequence[str], folder: Path) -> Iterator[Path]:
    """Months of a listener as files that an import reads: the same rows, not packed inside. Raises UserError."""
    for month in months:
        data = place.read(f"{listener}/{month}.parquet")
        path = folder / f"{listener}-{month}.parquet"
        if data is None:
            raise UserError(f"The archive at {place.text} lacks {month} of {listener}.", cure="Run it again.")
        try:
            table = pq.read_table(pa.BufferReader(data))
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{month} of {listener} in {place.text} is damaged.", cure="Run it again.") from error
        with path.open("wb") as file:
            for _ in write_parquet(file, iter([table])):
                pass
        yield path


def _contents(ch: ClickHouse) -> Contents:
    found: dict[str, dict[str, Month]] = {}
    for listener, month, *held in ch.query(
        "SELECT listener, formatDateTime(ended_at, '%Y-%m', 'UTC') AS month, count(), max(version), "
        "groupBitXor(sighting_id), countIf(country != '') FROM sightings FINAL "
        f"WHERE listener {NOT_ERASED} GROUP BY listener, month ORDER BY listener, month"
    ):
        rows, version, ids, countries = held
        found.setdefault(to_hex(listener), {})[month] = Month(rows, version, to_hex(ids), countries)
    return Contents(listeners=found)


def _settings(ch: ClickHouse, listener: str) -> bytes:
    table = layouts(ch, ["listeners"])["listeners"]
    lines = next(pages(ch, table, "jsonl", OF_LISTENER, {"listener": from_hex(listener)}))
    if not lines.num_rows:
        return b"{}"
    kept = Travel(ch).countries_kept(from_hex(listener))
    return json.dumps({**json.loads(lines.column(0)[0].as_py()), "keeps_countries": kept}, ensure_ascii=False).encode()


def _sightings(ch: ClickHouse, table: Layout, listener: str, month: str) -> bytes:
    where = (
        f"{OF_LISTENER} AND formatDateTime(ended_at, '%Y-%m', 'UTC') = {{month:String}} AND ended_at >= {{first:Date}}"
    )
    params = {"listener": from_hex(listener), "month": month, "first": f"{month}-01"}
    sink = pa.BufferOutputStream()
    for _ in write_parquet(sink, pages(ch, table, "parquet", where, params), compression="zstd"):
        pass
    return bytes(sink.getvalue())
