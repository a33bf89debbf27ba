"""The zip of our own export: what it says of the listener beside their sightings, in any of its formats."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from producers.history import zips
from producers.history.own import outsized
from producers.history.zips import Limits
from streams.contracts.errors import UserError

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1 << 20  # bytes
LARGEST = 64 << 20  # bytes of a file that is read whole: of all but the sightings
LISTS = frozenset({"zones", "ids", "keys", "genres"})  # JSON inside CSV

Row = dict[str, Any]


class OwnZip(Struct, frozen=True):
    """What an export says; rows as the tables have them, ids hexadecimal and times ISO 8601."""

    listener: Row
    corrections: list[Row]
    gaps: list[Row]
    travel: list[Row]
    artists: list[Row]
    library_items: list[Row]


def is_own_zip(path: Path) -> bool:
    """Whether a file looks like an export of ours, without a doubt about its safety being settled."""
    try:
        with ZipFile(path) as archive:
            about = archive.getinfo(MANIFEST)
            return about.file_size <= LARGEST_MANIFEST and b'"spotifire_export"' in archive.read(MANIFEST)
    except (*zips.BROKEN, OSError, KeyError):
        return False


def read_own_zip(path: Path) -> OwnZip:
    """What it says. Raises UserError for anything that is no export of ours, or was damaged."""
    with zips.open_zip(path, Limits()) as archive:
        try:
            manifest = json.loads(_whole(archive, MANIFEST, LARGEST_MANIFEST))
            if not isinstance(manifest, dict) or manifest.get("spotifire_export") != 1:
                raise _not_ours(path)
            files = {str(each["table"]): str(each["file"]) for each in manifest["files"]}
            found = {
                table: _rows(archive, files[table]) if table in files else []
                for table in ("listeners", "corrections", "gaps", "travel", "artists", "library_items")
            }
        except (ValueError, TypeError, KeyError, RecursionError, csv.Error, pa.ArrowException):
            raise _not_ours(path) from None
        except (*zips.BROKEN, OSError) as error:
            raise zips.damaged(path.name, error) from None
    if len(found["listeners"]) != 1:
        raise _not_ours(path)
    (listener,) = found.pop("listeners")
    return OwnZip(listener, **found)


def _whole(archive: ZipFile, name: str, most: int) -> bytes:
    if archive.getinfo(name).file_size > most:
        raise UserError(f"{name} is larger than in any export of ours.", cure="Take the zip as it was written.")
    return archive.read(name)


def _rows(archive: ZipFile, name: str) -> list[Row]:
    data = _whole(archive, name, LARGEST)
    if name.endswith(".jsonl"):
        return [dict(json.loads(line)) for line in data.split(b"\n") if line]
    if name.endswith(".csv"):
        return [_read(row) for row in csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))]
    if outsized(pq.read_metadata(pa.BufferReader(data)), len(data)):
        raise UserError(f"{name} is refused: it is packed inside.", cure="Take the zip as it was written.")
    return [_plain(row) for row in pq.read_table(pa.BufferReader(data)).to_pylist()]


def _read(row: Row) -> Row:
    """A line of CSV: what is empty is left out, for it is the default or unknown."""
    return {name: json.loads(value) if name in LISTS else value for name, value in row.items() if value != ""}


def _plain(value: Any) -> Any:
    """Parquet's moments as texts, also within."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _not_ours(path: Path) -> UserError:
    return UserError(f"{path.name} is no export of Spotifire.", cure="Take the zip of `spotifire export`.")
