"""A listen of ListenBrainz, or a scrobble of Last.fm -> the event that is published. Pure.

Both say when a play BEGAN, in whole seconds. That stays `reported_end` (what the source said, and
part of the sighting's id), and the better end, `ended_at`, is the start plus the length of the
track: as a listen gives it (`duration_ms`, `duration`, `duration_played`), else USUAL. Plays are
matched by ends at most 90 s apart, so with USUAL a track of 2 to 5 minutes still meets the same
play in an export. `ms_played` stays unknown unless `duration_played` says it.

Sources: listens as https://listenbrainz.readthedocs.io/en/latest/users/json.html describes them;
scrobbles as lastfmstats.com (CSV and JSON), mainstream.ghan.nl (CSV and JSON) and lastfm-to-csv
write them.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from producers.history import values
from producers.history.published import Published, Told, Whose, artists_of, length, recorded, sound
from producers.history.rows import ListenRow, ScrobbleRow
from streams.contracts import ids
from streams.contracts.events import DAY, Artist, PlayRecorded, Source

USUAL = 210_000  # milliseconds: the middle of what most tracks last

_LISTENBRAINZ: Source = "listenbrainz"
_LASTFM: Source = "lastfm"

_TRACK = re.compile(r"(?:https?://open\.spotify\.com/(?:intl-[a-z]{2}/)?track/|spotify:track:)([A-Za-z0-9]{22})\b")
_ARTIST = re.compile(r"(?:https?://open\.spotify\.com/(?:intl-[a-z]{2}/)?artist/|spotify:artist:)([A-Za-z0-9]{22})\b")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")


class Listen(NamedTuple):
    """What both say, types not yet checked. Times are Unix milliseconds UTC."""

    began: Any
    told: Told
    duration: int | None = None
    played: int | None = None
    isrc: str = ""
    artist_id: str = ""


class ListenFormat:
    """Listens of ListenBrainz. Ids are 64-bit, the time is Unix milliseconds UTC."""

    def __init__(self, listener: int, import_id: int, published_at: int) -> None:
        self._whose = Whose(listener, import_id, published_at)

    def publish(self, row: ListenRow | None, origin: str) -> Published:
        """One listen (None where it could not be read at all) -> its record."""
        return _unreadable(origin) if row is None else _publish(self._whose, _LISTENBRAINZ, listen_of(row), origin)


class ScrobbleFormat:
    """Scrobbles of Last.fm. Ids are 64-bit, the time is Unix milliseconds UTC."""

    def __init__(self, listener: int, import_id: int, published_at: int) -> None:
        self._whose = Whose(listener, import_id, published_at)

    def publish(self, row: ScrobbleRow | None, origin: str) -> Published:
        """One scrobble (None where it could not be read at all) -> its record."""
        return _unreadable(origin) if row is None else _publish(self._whose, _LASTFM, scrobble_of(row), origin)


def listen_of(row: ListenRow) -> Listen:
    """A listen's own fields; what submitters add stands below `additional_info`."""
    about = row.track_metadata if isinstance(row.track_metadata, dict) else {}
    more = about.get("additional_info")
    more = more if isinstance(more, dict) else {}
    track = _found(_TRACK, more.get("spotify_id"), more.get("origin_url"))
    several = more.get("spotify_artist_ids")
    first = several[0] if isinstance(several, list) and several else None
    return Listen(
        began=values.moment(row.listened_at),
        told=Told(
            kind="track",
            uri=f"spotify:track:{track}" if track else "",
            title=values.text(about.get("track_name")),
            artist=values.text(about.get("artist_name")),
            album=_text(about.get("release_name")),
        ),
        duration=_duration(more.get("duration_ms")) or _duration(more.get("duration"), 1000),
        played=_duration(more.get("duration_played"), 1000),
        isrc=_isrc(more.get("isrc")),
        artist_id=_found(_ARTIST, first),
    )


def scrobble_of(row: ScrobbleRow) -> Listen:
    """A scrobble's own fields, whichever exporter wrote them."""
    date = row.date.get("uts") if isinstance(row.date, dict) else row.date
    return Listen(
        began=values.moment(date),
        told=Told(
            kind="track",
            uri="",
            title=values.text(row.name if row.track is None else row.track),
            artist=values.text(_named(row.artist)),
            album=_text(_named(row.album)),
        ),
    )


def _publish(whose: Whose, source: Source, listen: Listen, origin: str) -> Published:
    began, told = listen.began, listen.told
    if not (whose.possible(began) and length(listen.played) and sound(told)):
        return whose.refusable(whose.fields(source, began, listen.played, told), origin)
    artists = artists_of(told)
    if listen.artist_id and artists:
        artists = (Artist(artists[0].name, listen.artist_id),)
    event = PlayRecorded(
        listener=ids.to_hex(whose.listener),
        source=source,
        reported_end=began,
        published_at=whose.published_at,
        # a listen of this minute has not ended yet: never later than an event may be
        ended_at=min(began + (listen.played or listen.duration or USUAL), whose.latest),
        started_at=began,
        ms_played=listen.played,
        duration_ms=listen.duration,
        uri=told.uri,
        title=told.title,
        artists=artists,
        album=told.album,
        isrc=listen.isrc,
        import_id=ids.to_hex(whose.import_id),
    )
    return recorded(event, whose, artists, origin)


def _unreadable(origin: str) -> Published:
    return Published(b"", 0, origin, 0)


def _named(value: Any) -> Any:
    """Last.fm's API wraps a name: {"#text": name}, or {"name": name} in its extended form."""
    if isinstance(value, dict):
        return value.get("#text") or value.get("name")
    return value


def _text(value: Any) -> str:
    """A name that only informs: "" where it cannot be read."""
    found = values.text(value)
    return found if isinstance(found, str) and len(found) <= values.LONGEST - 100 else ""


def _duration(value: Any, unit: int = 1) -> int | None:
    """Milliseconds, or None where nothing sensible is said; `unit` is milliseconds in the given unit."""
    found = values.whole(value)
    if type(found) is not int or found <= 0:
        return None
    return found * unit if found * unit <= DAY else None


def _found(pattern: re.Pattern[str], *texts: Any) -> str:
    for text in texts:
        if isinstance(text, str) and (match := pattern.match(text)):
            return match[1]
    return ""


def _isrc(value: Any) -> str:
    found = value[0] if isinstance(value, list) and value else value
    return found if isinstance(found, str) and _ISRC.fullmatch(found) else ""
