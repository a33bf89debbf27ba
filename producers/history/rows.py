"""One row of a history file as it was read, and bytes -> rows. Only fields named here are ever looked at.

IP address, user name and user agent have no field here, so no code behind this file can see them.
The decoder skips what it is not asked for, which is also what makes it fast. Types are not checked
yet: that is done by what makes events of the rows (formats.py and its neighbours).
"""

from __future__ import annotations

import json
import re
from enum import Enum
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


class Unread(Enum):
    """Why a row could not be read, where it was told; a row that is no JSON object is None."""

    NOT_UTF8 = "not-utf8"
    TOO_LONG = "too-long"


_DIGITS = 18  # of a number that is read as it stands: one of more is out of every range
_SURROGATE = re.compile("[\ud800-\udfff]")

# what msgspec and json raise for input that is no JSON: not even one of these is a fault of ours
UNREADABLE = (DecodeError, UnicodeDecodeError, RecursionError, ValueError)


class Rows(Generic[RowT]):
    """Reads rows of one shape. Those that `hold_rows` leave it to as_row to look at each."""

    def __init__(self, row: type[RowT], *, hold_rows: bool = False) -> None:
        self._row = row
        self._holds_rows = hold_rows
        self._names = {each.encode_name: each.name for each in fields(row)}
        self._list = Decoder(list[row])  # type: ignore[valid-type]
        self._one = Decoder(row)

    def many(self, array: bytes) -> list[RowT] | None:
        """A whole JSON array -> its rows, or None when one of its elements is not a plain JSON object."""
        try:
            return self._list.decode(array)
        except UNREADABLE:
            return None

    def one(self, element: bytes) -> RowT | Unread | None:
        """One element of the array -> a row; why it is none; None when it is no JSON object.

        Forgiven: control characters inside strings, NaN, Infinity and numbers without end. Not forgiven,
        in a field that is looked at: bytes that are not UTF-8 and lone surrogates, for nobody can tell what was meant.
        """
        try:
            return self._one.decode(element)
        except UNREADABLE:
            pass
        try:
            found = json.loads(element.decode("utf-8", "surrogateescape"), strict=False, parse_int=_whole)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        named = {self._names[name]: value for name, value in found.items() if name in self._names}
        return Unread.NOT_UTF8 if not self._holds_rows and torn(list(named.values())) else self._row(**named)


def as_row(row: type[RowT], found: Any) -> RowT | Unread | None:
    """What was decoded already, as a row whose fields have the names of the JSON; None for no object."""
    if not isinstance(found, dict):
        return None
    named = {name: found[name] for name in row.__struct_fields__ if name in found}
    return Unread.NOT_UTF8 if torn(list(named.values())) else row(**named)


def torn(found: Any) -> bool:
    """Whether a text in it holds a lone surrogate, which is also what bytes that are not UTF-8 are read as."""
    left = [found]
    while left:  # no recursion: it may be nested as deeply as can be read
        each = left.pop()
        if isinstance(each, str):
            if not each.isascii() and _SURROGATE.search(each):
                return True
        elif isinstance(each, dict):
            left += [*each, *each.values()]
        elif isinstance(each, list):
            left += each
    return False


def _whole(digits: str) -> int:
    return int(digits if len(digits) <= _DIGITS else digits[:_DIGITS])


EXTENDED = Rows(ExtendedRow)
ACCOUNT = Rows(AccountRow)
LISTENS = Rows(ListenRow)
SCROBBLES = Rows(ScrobbleRow)
SCROBBLE_PAGES = Rows(ScrobblePage, hold_rows=True)
