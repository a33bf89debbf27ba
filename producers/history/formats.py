"""A row of the Extended streaming history -> the event that is published. Pure: no files, no Kafka.

`spotify.export.extended` (audio, video, and the older endsong files with the same fields):
`ts` is the END of the play, UTC, whole seconds. A play's start is `offline_timestamp` where that
is sane, 0 <= end - start - ms_played <= one hour, else the end minus `ms_played`. Where the
player was offline and the excess is larger, the upload came late: the play really ended at
`offline_timestamp` + `ms_played`. A track that is neither named nor has a URI stays a track.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from producers.history import values
from producers.history.published import Published, Told, Whose, artists_of, encode, length, sound, uri
from producers.history.rows import ExtendedRow
from streams.contracts import ids
from streams.contracts.events import DAY, EARLIEST, PlayRecorded, Source

SANE_PAUSE = 3_600_000  # milliseconds that a play may have been paused for

_REMEMBERED = 65_536  # of each memory below, before it starts anew
_SOURCE: Source = "spotify.export.extended"


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


class Named(NamedTuple):
    """What a sound row is about, as its event and its id need it."""

    said: str  # its fields of the event, as JSON behind a comma
    known_as: str  # in the sighting's id: the URI, else the folded names


class ExtendedFormat:
    """Rows of one listener's Extended history -> what is published.

    `listener` and `import_id` are 64-bit ids, `published_at` is Unix milliseconds UTC. The same
    few thousand tracks and few dozen circumstances fill a history, so of both the JSON is
    remembered, and of a row only its times are written. What comes out is, byte for byte, what
    codec.encode makes of the PlayRecorded; that would take twice as long.
    """

    def __init__(self, listener: int, import_id: int, published_at: int) -> None:
        self._whose = Whose(listener, import_id, published_at)
        self._latest = self._whose.latest
        self._listener = ids.to_hex(listener)
        self._head = f'{{"listener":"{self._listener}","source":"{_SOURCE}","reported_end":'
        self._published = f',"published_at":{published_at}'
        self._tail = f',"import_id":"{ids.to_hex(import_id)}"}}'
        self._tracks: dict[tuple[str, ...], Named] = {}
        self._circumstances: dict[tuple[Any, ...], tuple[Circumstances, str]] = {}

    def publish(self, row: ExtendedRow | None, origin: str) -> Published:
        """One row (None where it could not be read at all) -> its record."""
        if row is None:
            return Published(b"", 0, origin, 0)
        end = values.moment(row.ts)
        played = row.ms_played
        if type(played) is not int or not 0 <= played <= DAY:
            played = values.whole(played)
        named = self._named(row)
        around, circumstanced = self._around(row)
        if (
            named is None
            or type(end) is not int
            or not EARLIEST <= end <= self._latest
            or not length(played)
            or (around.incognito is None and row.incognito_mode is not None)  # not ours to guess
        ):
            return self._refusable(row, end, played, origin)
        device = None if row.offline_timestamp is None else values.device_moment(row.offline_timestamp)
        started, ended = times(end, played, device, offline=around.offline is True)
        at = "" if ended is None else f',"ended_at":{ended}'
        at = at if started is None else f'{at},"started_at":{started}'
        at = at if played is None else f'{at},"ms_played":{played}'
        text = f"{self._head}{end}{self._published}{at}{named.said}{circumstanced}{self._tail}"
        # streams.contracts.ids.sighting_id, whose look-up of the names is remembered here with the track
        known = ids.hash64(self._listener, _SOURCE, str(end), named.known_as, "" if played is None else str(played))
        return Published(text.encode(), ended or end, origin, known)

    def _named(self, row: ExtendedRow) -> Named | None:
        """What the row is about; None where the worker will refuse it for that."""
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

    def _around(self, row: ExtendedRow) -> tuple[Circumstances, str]:
        """Its circumstances, and they as JSON behind a comma."""
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
            return _written(circumstances(row))
        if found is None:
            if len(self._circumstances) >= _REMEMBERED:
                self._circumstances.clear()
            found = self._circumstances[key] = _written(circumstances(row))
        return found

    def _refusable(self, row: ExtendedRow, end: Any, played: Any, origin: str) -> Published:
        """The row with its bad value in place, for the worker to refuse by name."""
        fields = self._whose.fields(_SOURCE, end, played, tell(row))
        if row.incognito_mode is not None and values.flag(row.incognito_mode) is None:
            fields["incognito"] = values.describe(row.incognito_mode)
        return self._whose.refusable(fields, origin)


def tell(row: ExtendedRow) -> Told:
    """Track, episode or audiobook chapter: whichever the row names; a track when it names nothing."""
    if row.spotify_track_uri is None and row.master_metadata_track_name is None:
        if row.spotify_episode_uri is not None or row.episode_name is not None:
            return Told(
                kind="episode",
                uri=uri(row.spotify_episode_uri),
                title=values.text(row.episode_name),
                album=values.text(row.episode_show_name),
            )
        if row.audiobook_chapter_uri is not None or row.audiobook_chapter_title is not None:
            return Told(
                kind="chapter",
                uri=uri(row.audiobook_chapter_uri),
                title=values.text(row.audiobook_chapter_title),
                album=values.text(row.audiobook_title),
                album_uri=uri(row.audiobook_uri),
            )
    return Told(
        kind="track",
        uri=uri(row.spotify_track_uri),
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


def _sound(told: Told) -> Named | None:
    """As it is written, where the worker will take it; else None."""
    if not sound(told):
        return None
    said = _json(
        kind=told.kind,
        uri=told.uri,
        title=told.title,
        artists=artists_of(told),
        album=told.album,
        album_uri=told.album_uri,
    )
    return Named(said, told.uri or ids.name_key(told.artist, told.title))


def _written(around: Circumstances) -> tuple[Circumstances, str]:
    return around, _json(**around._asdict())


def _json(**fields: Any) -> str:
    """Optional fields of the event, in its order, as they follow others in its JSON."""
    event = PlayRecorded(listener="", source=_SOURCE, reported_end=0, published_at=0, **fields)
    return encode(event)[_REQUIRED:-1].decode()


_REQUIRED = len(encode(PlayRecorded(listener="", source=_SOURCE, reported_end=0, published_at=0))) - 1
