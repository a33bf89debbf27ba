"""Rows of `library_items` and `library_looks`, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sinks.clickhouse import ClickHouse
from tests.support.rows import NOON

_SAID: dict[str, Any] = {
    "time_range": "", "position": 0, "title": "", "artist": "", "artist_id": "", "album": "", "image_url": "",
    "isrc": "", "added_at": None, "seen_at": NOON, "removed_at": None, "version": 1,
}  # fmt: skip


def saved(listener: int, item: str, title: str, artist: str = "Ann", **said: Any) -> dict[str, Any]:
    """A saved track."""
    return _row(listener, "saved-track", item, title=title, artist=artist, **said)


def followed(listener: int, item: str, artist: str, **said: Any) -> dict[str, Any]:
    """A followed artist."""
    return _row(listener, "followed-artist", item, artist=artist, artist_id=item, **said)


def favourite(listener: int, kind: str, time_range: str, position: int, item: str, **said: Any) -> dict[str, Any]:
    """A place in a top list; `kind` is top-track or top-artist."""
    ids = {"artist_id": item} if kind == "top-artist" else {}
    return _row(listener, kind, item, time_range=time_range, position=position, **{**ids, **said})


def keep(ch: ClickHouse, rows: Iterable[dict[str, Any]], looked_at: datetime = NOON) -> None:
    """Store the rows, and a look at each of their lists."""
    kept = list(rows)
    ch.insert("library_items", list(kept[0]), [list(row.values()) for row in kept])
    lists: dict[tuple[int, str, str], int] = {}
    for row in kept:
        shelf = (row["listener"], row["kind"], row["time_range"])
        lists[shelf] = lists.get(shelf, 0) + (row["removed_at"] is None)
    ch.insert(
        "library_looks",
        ("listener", "kind", "time_range", "looked_at", "whole_at", "total", "version"),
        [(*shelf, looked_at, looked_at, total, 1) for shelf, total in lists.items()],
    )


def _row(listener: int, kind: str, item: str, **said: Any) -> dict[str, Any]:
    uri = f"spotify:{'artist' if kind.endswith('artist') else 'track'}:{item}"
    return {"listener": listener, "kind": kind, "item": item, "uri": uri} | _SAID | said
