"""One row of a history file as it was read, and bytes -> rows. Only fields named here are ever looked at.

IP address, user name and user agent have no field here, so no code behind this file can see them.
The decoder skips what it is not asked for, which is also what makes it fast. Types are not checked
yet: that is done by what makes events of the rows (formats.py and its neighbours).
"""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from msgspec import DecodeError, Struct, field
from msgspec.json import Decoder
from msgspec.structs import fields

RowT = TypeVar("RowT", bound=Struct)


class ExtendedRow(Struct):
    """A row of the Extended streaming history (and of the older endsong files)."""

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


class AccountRow(Struct):
    """A row of the Account data: music has artist and track, podcasts have show and episode."""

    end_time: Any = field(name="endTime", default=None)
    played: Any = field(name="msPlayed", default=None)
    artist: Any = field(name="artistName", default=None)
    track: Any = field(name="trackName", default=None)
    show: Any = field(name="podcastName", default=None)
    episode: Any = field(name="episodeName", default=None)


class ListenRow(Struct):
    """A listen of ListenBrainz; what is known of the track stands below `track_metadata`."""

    listened_at: Any = None
    track_metadata: Any = None


class ScrobbleRow(Struct):
    """A scrobble of Last.fm, whichever exporter wrote it: `date` is a time, a number or an object."""

    artist: Any = None
    album: Any = None
    track: Any = None
    name: Any = None  # what Last.fm's own API calls the track
    date: Any = None


class ScrobblePage(Struct):
    """A page of Last.fm's API as exporters store it: its scrobbles."""

    track: Any = None


# what msgspec and json raise for input that is no JSON: not even one of these is a fault of ours
UNREADABLE = (DecodeError, UnicodeDecodeError, RecursionError, ValueError)


class Rows(Generic[RowT]):
    """Reads rows of one shape."""

    def __init__(self, row: type[RowT]) -> None:
        self._row = row
        self._names = {each.encode_name: each.name for each in fields(row)}
        self._list = Decoder(list[row])  # type: ignore[valid-type]
        self._one = Decoder(row)

    def many(self, array: bytes) -> list[RowT] | None:
        """A whole JSON array -> its rows, or None when one of its elements is not a plain JSON object."""
        try:
            return self._list.decode(array)
        except UNREADABLE:
            return None

    def one(self, element: bytes) -> RowT | None:
        """One element of the array -> a row, as forgiving as can be; None when it is no JSON object.

        Forgiven: bytes that are not UTF-8 (they become U+FFFD), lone surrogates, control characters
        inside strings, NaN and Infinity.
        """
        try:
            return self._one.decode(element)
        except UNREADABLE:
            pass
        try:
            found = json.loads(element.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        return self._row(**{self._names[name]: value for name, value in found.items() if name in self._names})


def as_row(row: type[RowT], found: Any) -> RowT | None:
    """What was decoded already, as a row whose fields have the names of the JSON; None for no object."""
    if not isinstance(found, dict):
        return None
    return row(**{name: found[name] for name in row.__struct_fields__ if name in found})


EXTENDED = Rows(ExtendedRow)
ACCOUNT = Rows(AccountRow)
LISTENS = Rows(ListenRow)
SCROBBLES = Rows(ScrobbleRow)
SCROBBLE_PAGES = Rows(ScrobblePage)
