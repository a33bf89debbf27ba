"""What a row becomes: a record of music.play.recorded.v1, or one that the worker refuses by name.

The importer refuses nothing itself. What cannot be read is left out or described in place (see
values.py), so that the worker's codec refuses the row by the field's name, and every row ends
either in `sightings` or among the dead letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct
from msgspec.json import Encoder

from producers.history import values
from producers.history.rows import Unread
from streams.contracts import ids
from streams.contracts.events import DAY, EARLIEST, Artist, Kind, PlayRecorded, Source

_URI = re.compile(r"\S{0,512}")
_SPOTIFY = re.compile(r"spotify:[a-z]+:")
_LONGEST_NAME = 1024
_LONGEST_URI = 512

encode = Encoder().encode


class Published(NamedTuple):
    """A row as it goes onto the topic."""

    value: bytes  # the record's value: JSON, or empty where the row is not a JSON object
    end: int  # Unix milliseconds UTC that the rows are put in order by; 0 where unreadable
    origin: str  # where it stands, "name.json#17": the first row of a file is 1
    sighting_id: int  # 0 where the worker will refuse it


_REFUSED = {  # what the worker refuses for the same reason, and nothing of the row
    Unread.NOT_UTF8: b"\xff",
    Unread.TOO_LONG: encode({"title": "-" * values.LONGEST}),
}


def unread(why: Unread, origin: str) -> Published:
    """A row that could not be read."""
    return Published(_REFUSED[why], 0, origin, 0)


class Told(NamedTuple):
    """What a row is about: the kind, and what it is called. Anything but `kind` may be unreadable."""

    kind: Kind
    uri: Any
    title: Any
    artist: Any = ""
    album: Any = ""
    album_uri: Any = ""


class RowFormat(Protocol):
    """Rows of one kind of file -> what is published."""

    def publish(self, row: Any, origin: str) -> Published:
        """One row (None where it could not be read at all) -> its record."""


class Whose(Struct, frozen=True):
    """Of which listener and import a file's rows are. Ids are 64-bit, the time Unix milliseconds UTC."""

    listener: int
    import_id: int
    published_at: int

    @property
    def latest(self) -> int:
        """A play cannot have ended later."""
        return self.published_at + DAY

    def possible(self, end: Any) -> bool:
        """Whether a row can have ended then."""
        return type(end) is int and EARLIEST <= end <= self.latest

    def fields(self, source: Source, end: Any, played: Any, told: Told) -> dict[str, Any]:
        """The event's fields that every row has, readable or not; for `refusable`."""
        found = {
            "listener": ids.to_hex(self.listener),
            "source": source,
            "reported_end": end,
            "published_at": self.published_at,
            "ms_played": played,
            "kind": told.kind,
            "uri": told.uri,
            "title": told.title,
            "artists": [] if told.artist == "" else [{"name": told.artist}],
            "album": told.album,
            "album_uri": told.album_uri,
            "import_id": ids.to_hex(self.import_id),
        }
        if end is None:
            del found["reported_end"]
        return found

    def refusable(self, fields: dict[str, Any], origin: str) -> Published:
        """The row with its bad value in place, for the worker to refuse by name."""
        end: Any = fields.get("reported_end")
        return Published(encode(fields), end if self.possible(end) else 0, origin, 0)


def length(value: Any) -> bool:
    """Whether a duration can stand in an event: unknown, or 0 to a day in milliseconds."""
    return value is None or (type(value) is int and 0 <= value <= DAY)


def uri(value: Any) -> Any:
    """A URI field. One that is not Spotify's says nothing; a local file's may be too long, and its names will do."""
    found = values.text(value)
    if not isinstance(found, str):
        return found
    local = found.startswith("spotify:local:")
    return found if _SPOTIFY.match(found) and not (local and len(found) > _LONGEST_URI) else ""


def sound(told: Told) -> bool:
    """Whether the codec will take all of it, and it says what was played."""
    for each in (told.uri, told.album_uri):
        if type(each) is not str or not _URI.fullmatch(each):
            return False
    for text in (told.title, told.artist, told.album):
        if type(text) is not str or len(text) > _LONGEST_NAME:
            return False
    return bool(told.uri or (ids.name_key(told.artist, told.title) if told.kind == "track" else told.title))


def artists_of(told: Told) -> tuple[Artist, ...]:
    """The artist of a sound row, if it names one."""
    return (Artist(told.artist),) if told.artist else ()


def recorded(event: PlayRecorded, whose: Whose, artists: Sequence[Artist], origin: str) -> Published:
    """An event that the worker will take, as its record."""
    known_as = ids.sighting_id(
        whose.listener,
        event.source,
        event.reported_end,
        event.uri,
        artists[0].name if artists else "",
        event.title,
        event.ms_played,
    )
    return Published(encode(event), event.ended_at or event.reported_end, origin, known_as)
