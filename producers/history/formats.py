"""A row of an export -> the event that is published. Pure: no files, no Kafka.

The importer refuses nothing itself. What cannot be read is left out or described in place
(see values.py), so that the worker's codec refuses the row by the field's name, and every row
ends either in `sightings` or among the dead letters.

`spotify.export.extended` (audio, video, and the older endsong files with the same fields):
`ts` is the END of the play, UTC, whole seconds. A play's start is `offline_timestamp` where that
is sane, 0 <= end - start - ms_played <= one hour, else the end minus `ms_played`. Where the
player was offline and the excess is larger, the upload came late: the play really ended at
`offline_timestamp` + `ms_played`. A track that is neither named nor has a URI stays a track.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from msgspec.json import Encoder

from producers.history import values
from producers.history.rows import ExtendedRow
from streams.contracts import ids
from streams.contracts.events import DAY, EARLIEST, Artist, Kind, PlayRecorded, Source

SANE_PAUSE = 3_600_000  # milliseconds that a play may have been paused for

_URI = re.compile(r"\S{0,512}")
_LONGEST_NAME = 1024
_LONGEST_URI = 512
_REMEMBERED = 65_536  # of each memory below, before it starts anew
_SOURCE: Source = "spotify.export.extended"

_encode = Encoder().encode


class Published(NamedTuple):
    """A row as it goes onto the topic."""

    value: bytes  # the record's value: JSON, or empty where the row is not a JSON object
    end: int  # Unix milliseconds UTC that the rows are put in order by; 0 where unreadable
    origin: str  # where it stands, "name.json#17": the first row of a file is 1
    sighting_id: int  # 0 where the worker will refuse it


class Told(NamedTuple):
    """What a row is about: the kind, and what it is called. Anything but `kind` may be unreadable."""

    kind: Kind
    uri: Any
    title: Any
    artist: Any = ""
    album: Any = ""
    album_uri: Any = ""


class Circumstances(NamedTuple):
    """Under which circumstances it was played; unreadable ones are "" or None."""

    country: str
    platform: str
    reason_start: str
    reason_end: str
    shuffle: bool | None
    skipped: bool | None
    offline: bool | None
    incognito: bool | None


class ExtendedFormat:
    """Rows of one listener's Extended history -> what is published.

    `listener` and `import_id` are 64-bit ids, `published_at` is Unix milliseconds UTC. The same
    few thousand tracks and few dozen circumstances fill a history, so both are remembered.
    """

    def __init__(self, listener: int, import_id: int, published_at: int) -> None:
        self._id = listener
        self._listener = ids.to_hex(listener)
        self._import_id = ids.to_hex(import_id)
        self._published_at = published_at
        self._latest = published_at + DAY
        self._tracks: dict[tuple[str, ...], tuple[Told, tuple[Artist, ...]]] = {}
        self._circumstances: dict[tuple[Any, ...], Circumstances] = {}

    def publish(self, row: ExtendedRow | None, origin: str) -> Published:
        """One row (None where it could not be read at all) -> its record."""
        if row is None:
            return Published(b"", 0, origin, 0)
        end = values.moment(row.ts)
        played = values.whole(row.ms_played)
        named = self._named(row)
        around = self._around(row)
        if (
            named is None
            or type(end) is not int
            or not EARLIEST <= end <= self._latest
            or not (played is None or (type(played) is int and 0 <= played <= DAY))
            or (around.incognito is None and row.incognito_mode is not None)  # not ours to guess
        ):
            return self._refusable(row, end, played, origin)
        told, artists = named
        device = values.device_moment(row.offline_timestamp)
        started, ended = times(end, played, device, offline=bool(around.offline))
        event = PlayRecorded(
            listener=self._listener,
            source=_SOURCE,
            reported_end=end,
            published_at=self._published_at,
            ended_at=ended,
            started_at=started,
            ms_played=played,
            kind=told.kind,
            uri=told.uri,
            title=told.title,
            artists=artists,
            album=told.album,
            album_uri=told.album_uri,
            country=around.country,
            platform=around.platform,
            reason_start=around.reason_start,
            reason_end=around.reason_end,
            shuffle=around.shuffle,
            skipped=around.skipped,
            offline=around.offline,
            incognito=around.incognito,
            import_id=self._import_id,
        )
        known_as = ids.sighting_id(self._id, _SOURCE, end, told.uri, told.artist, told.title, played)
        return Published(_encode(event), ended or end, origin, known_as)

    def _named(self, row: ExtendedRow) -> tuple[Told, tuple[Artist, ...]] | None:
        """What the row is about, and its artists; None where the worker will refuse it for that."""
        key = (
            row.spotify_track_uri,
            row.master_metadata_track_name,
            row.master_metadata_album_artist_name,
            row.master_metadata_album_album_name,
        )
        for part in key:
            if type(part) is not str:  # 1 and True would be one key: only texts are remembered
                return _sound(tell(row))
        found = self._tracks.get(key)
        if found is None:
            found = _sound(tell(row))
            if found is not None:
                if len(self._tracks) >= _REMEMBERED:
                    self._tracks.clear()
                self._tracks[key] = found
        return found

    def _around(self, row: ExtendedRow) -> Circumstances:
        key = (
            row.conn_country,
            row.platform,
            row.reason_start,
            row.reason_end,
            row.shuffle,
            row.skipped,
            row.offline,
            row.incognito_mode,
        )
        try:
            found = self._circumstances.get(key)
        except TypeError:  # a list or an object where a text belongs
            return circumstances(row)
        if found is None:
            if len(self._circumstances) >= _REMEMBERED:
                self._circumstances.clear()
            found = self._circumstances[key] = circumstances(row)
        return found

    def _refusable(self, row: ExtendedRow, end: Any, played: Any, origin: str) -> Published:
        """The row with its bad value in place, for the worker to refuse by name."""
        told = tell(row)
        fields: dict[str, Any] = {
            "listener": self._listener,
            "source": _SOURCE,
            "reported_end": end,
            "published_at": self._published_at,
            "ms_played": played,
            "kind": told.kind,
            "uri": told.uri,
            "title": told.title,
            "artists": [] if told.artist == "" else [{"name": told.artist}],
            "album": told.album,
            "album_uri": told.album_uri,
            "import_id": self._import_id,
        }
        if row.incognito_mode is not None and values.flag(row.incognito_mode) is None:
            fields["incognito"] = values.describe(row.incognito_mode)
        if end is None:
            del fields["reported_end"]
        possible = type(end) is int and EARLIEST <= end <= self._latest
        return Published(_encode(fields), end if possible else 0, origin, 0)


def tell(row: ExtendedRow) -> Told:
    """Track, episode or audiobook chapter: whichever the row names; a track when it names nothing."""
    if row.spotify_track_uri is None and row.master_metadata_track_name is None:
        if row.spotify_episode_uri is not None or row.episode_name is not None:
            return Told(
                kind="episode",
                uri=_uri(row.spotify_episode_uri),
                title=values.text(row.episode_name),
                album=values.text(row.episode_show_name),
            )
        if row.audiobook_chapter_uri is not None or row.audiobook_chapter_title is not None:
            return Told(
                kind="chapter",
                uri=_uri(row.audiobook_chapter_uri),
                title=values.text(row.audiobook_chapter_title),
                album=values.text(row.audiobook_title),
                album_uri=_uri(row.audiobook_uri),
            )
    return Told(
        kind="track",
        uri=_uri(row.spotify_track_uri),
        title=values.text(row.master_metadata_track_name),
        artist=values.text(row.master_metadata_album_artist_name),
        album=values.text(row.master_metadata_album_album_name),
    )


def circumstances(row: ExtendedRow) -> Circumstances:
    """The fields that only inform: none of them makes a row worth refusing."""
    return Circumstances(
        country=values.country(row.conn_country),
        platform=values.platform_family(row.platform),
        reason_start=values.reason(row.reason_start),
        reason_end=values.reason(row.reason_end),
        shuffle=values.flag(row.shuffle),
        skipped=values.flag(row.skipped),
        offline=values.flag(row.offline),
        incognito=values.flag(row.incognito_mode),
    )


def times(end: int, played: int | None, device: int | None, *, offline: bool) -> tuple[int | None, int | None]:
    """(started_at, ended_at), Unix milliseconds UTC; ended_at is None where `end` is right.

    `end` is the source's, `played` in milliseconds, `device` the player's own clock at the start.
    """
    if played is None:
        return None, None
    if device is not None:
        excess = end - device - played
        if 0 <= excess <= SANE_PAUSE:
            return device, None
        if offline and excess > SANE_PAUSE:
            return device, device + played
    started = end - played
    return (started if started >= EARLIEST else None), None


def _uri(value: Any) -> Any:
    uri = values.text(value)
    if isinstance(uri, str) and len(uri) > _LONGEST_URI and uri.startswith("spotify:local:"):
        return ""  # a local file's URI is only its names again, escaped: the names will do
    return uri


def _sound(told: Told) -> tuple[Told, tuple[Artist, ...]] | None:
    """With its artists, where the codec will take all of it and it says what was played; else None."""
    for uri in (told.uri, told.album_uri):
        if type(uri) is not str or not _URI.fullmatch(uri):
            return None
    for text in (told.title, told.artist, told.album):
        if type(text) is not str or len(text) > _LONGEST_NAME:
            return None
    nameless = not (ids.name_key(told.artist, told.title) if told.kind == "track" else told.title)
    if nameless and not told.uri:
        return None
    return told, ((Artist(told.artist),) if told.artist else ())
