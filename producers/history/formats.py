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
from streams.contracts.events import EARLIEST, Artist, PlayRecorded, Source

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
        self._whose = Whose(listener, import_id, published_at)
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
            or not self._whose.possible(end)
            or not length(played)
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
        return Published(encode(event), ended or end, origin, known_as)

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


def _sound(told: Told) -> tuple[Told, tuple[Artist, ...]] | None:
    """With its artists, where the worker will take it; else None."""
    return (told, artists_of(told)) if sound(told) else None
