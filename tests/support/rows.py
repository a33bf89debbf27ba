"""Rows of the Arrow schemas with every column filled, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from streams.contracts.ids import play_id, sighting_id
from streams.contracts.tables import IMPORT_ROWS, PLAYS, SIGHTINGS

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)

_SAID: Mapping[str, Any] = {
    "uri": "spotify:track:4uLU6hMCjMI75M1A2tKUQC",
    "title": "Blue Train",
    "artist_names": ["John Coltrane"],
    "artist_ids": [""],
    "album": "Blue Train",
    "album_uri": "",
    "image_url": "",
    "isrc": "",
    "release_date": "1958",
    "country": "",
    "platform": "",
    "reason_start": "",
    "reason_end": "",
    "shuffle": None,
    "skipped": None,
    "offline": None,
    "incognito": None,
    "explicit": None,
}


def sighting(listener: int, end_ms: int = NOON_MS, **said: Any) -> dict[str, Any]:
    """One row of SIGHTINGS; its id follows from what it says."""
    row = {
        "listener": listener,
        "ended_at": end_ms,
        "version": 1,
        "is_deleted": 0,
        "source": "spotify.export.extended",
        "kind": "track",
        "reported_end": end_ms,
        "started_at": None,
        "ms_played": 200_000,
        "duration_ms": None,
        **_SAID,
        "published_at": end_ms + 1000,
        "import_id": 0,
        **said,
    }
    row.setdefault(
        "sighting_id",
        sighting_id(
            listener,
            row["source"],
            row["reported_end"],
            row["uri"],
            row["artist_names"][0],
            row["title"],
            row["ms_played"],
        ),
    )
    return row


def play(listener: int, end_ms: int = NOON_MS, **said: Any) -> dict[str, Any]:
    """One row of PLAYS, in UTC; its id follows from its end and names."""
    start = datetime.fromtimestamp((end_ms - (said.get("ms_played") or 200_000)) / 1000, tz=UTC)
    artist = said.get("artist", "John Coltrane")
    row = {
        "listener": listener,
        "version": 1,
        "is_deleted": 0,
        "ended_at": end_ms,
        "started_at": int(start.timestamp() * 1000),
        "ms_played": 200_000,
        "ms_played_is_estimate": False,
        "duration_ms": None,
        **_SAID,
        "artist_names": [artist],
        "sources": ["spotify.export.extended"],
        "artist": artist,
        "artist_id": "",
        "artist_is_guess": False,
        "local_date": date(start.year, start.month, start.day),
        "local_hour": start.hour,
        "weekday": start.isoweekday(),
        "utc_offset_minutes": 0,
        "time_zone": "UTC",
        "season": "spring",
        "genre": "jazz",
        "subgenre": "hard bop",
        **said,
    }
    row.setdefault("play_id", play_id(end_ms, row["uri"], row["artist"], row["title"]))
    return row


def sightings_table(*rows: Mapping[str, Any]) -> pa.Table:
    """Schema SIGHTINGS."""
    return pa.Table.from_pylist([dict(r) for r in rows], schema=SIGHTINGS)


def import_rows_table(import_id: int, *rows: Mapping[str, Any]) -> pa.Table:
    """Schema IMPORT_ROWS: those sightings, held by that import."""
    kept = [{name: row[name] for name in IMPORT_ROWS.names if name in row} | {"import_id": import_id} for row in rows]
    return pa.Table.from_pylist(kept, schema=IMPORT_ROWS)


def plays_table(*rows: Mapping[str, Any]) -> pa.Table:
    """Schema PLAYS."""
    return pa.Table.from_pylist([dict(r) for r in rows], schema=PLAYS)
