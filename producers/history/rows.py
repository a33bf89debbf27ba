"""One row of an export as it was read, and bytes -> row. Only the fields named here are ever looked at.

IP address, user name and user agent have no field here, so no code behind this file can see them.
The decoder skips what it is not asked for, which is also what makes it fast.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import DecodeError, Struct
from msgspec.json import Decoder


class ExtendedRow(Struct):
    """A row of the Extended streaming history (and of the older endsong files), types not yet checked."""

    ts: Any = None
    ms_played: Any = None
    platform: Any = None
    conn_country: Any = None
    master_metadata_track_name: Any = None
    master_metadata_album_artist_name: Any = None
    master_metadata_album_album_name: Any = None
    spotify_track_uri: Any = None
    episode_name: Any = None
    episode_show_name: Any = None
    spotify_episode_uri: Any = None
    audiobook_title: Any = None
    audiobook_uri: Any = None
    audiobook_chapter_uri: Any = None
    audiobook_chapter_title: Any = None
    reason_start: Any = None
    reason_end: Any = None
    shuffle: Any = None
    skipped: Any = None
    offline: Any = None
    offline_timestamp: Any = None
    incognito_mode: Any = None


FIELDS = frozenset(ExtendedRow.__struct_fields__)

_LIST = Decoder(list[ExtendedRow])
_ONE = Decoder(ExtendedRow)

# what msgspec and json raise for input that is no JSON: not even one of these is a fault of ours
UNREADABLE = (DecodeError, UnicodeDecodeError, RecursionError, ValueError)


def read_rows(array: bytes) -> list[ExtendedRow] | None:
    """A whole JSON array -> its rows, or None when one of its elements is not a plain JSON object."""
    try:
        return _LIST.decode(array)
    except UNREADABLE:
        return None


def read_row(element: bytes) -> ExtendedRow | None:
    """One element of the array -> a row, as forgiving as can be; None when it is no JSON object.

    Forgiven: bytes that are not UTF-8 (they become U+FFFD), lone surrogates, control characters
    inside strings, NaN and Infinity.
    """
    try:
        return _ONE.decode(element)
    except UNREADABLE:
        pass
    try:
        found = json.loads(element.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return ExtendedRow(**{name: value for name, value in found.items() if name in FIELDS})
