"""What the Web API answers, as types: every field may be null or absent, none may be assumed.

In late 2026 fields come and go (development mode lost some, `genres` is seen present, null and
absent), so each is optional here, and what a play cannot do without is checked one item at a
time: an odd item is counted, and the others of its page are kept.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from streams.contracts.errors import SourceUnavailable
from streams.contracts.events import DAY, Artist

WIDE_ENOUGH = 300  # pixels: the picture that a page shows; larger ones cost and show nothing more
_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HeardTrack(Struct, frozen=True, kw_only=True):
    """A track (or episode) as the API describes it. Unknown texts are "", unknown numbers None."""

    uri: str
    title: str
    artists: tuple[Artist, ...] = ()
    album: str = ""
    album_uri: str = ""
    image_url: str = ""
    duration_ms: int | None = None
    isrc: str = ""
    release_date: str = ""
    explicit: bool | None = None


class HeardPlay(Struct, frozen=True):
    """One item of recently-played. `played_at` is Unix ms UTC and lies near the END of the play."""

    played_at: int
    track: HeardTrack


class RecentlyPlayed(Struct, frozen=True, kw_only=True):
    """One page of recently-played, oldest first."""

    plays: tuple[HeardPlay, ...]
    full: bool  # as many items as were asked for: older ones may have fallen off
    unreadable: int  # items without a track, an address or a time


class NowPlaying(Struct, frozen=True, kw_only=True):
    """What plays at this moment. `track` is None when idle, in an ad, or when it is not said."""

    is_playing: bool
    track: HeardTrack | None = None
    progress_ms: int | None = None


class Account(Struct, frozen=True):
    """Whose account it is. `account_id` is stable; `name` is what the person chose to be called."""

    account_id: str
    name: str


class Image(Struct):
    """A picture as Spotify writes it."""

    url: str | None = None
    width: int | None = None


class _Artist(Struct):
    id: str | None = None
    name: str | None = None


class _Show(Struct):
    name: str | None = None


class _Album(Struct):
    name: str | None = None
    uri: str | None = None
    images: list[Image | None] | None = None
    release_date: str | None = None


class _ExternalIds(Struct):
    isrc: str | None = None


class Track(Struct):
    """A track (or episode) as Spotify writes it."""

    uri: str | None = None
    name: str | None = None
    artists: list[_Artist | None] | None = None
    album: _Album | None = None
    show: _Show | None = None  # of an episode
    images: list[Image | None] | None = None  # of an episode
    duration_ms: int | None = None
    external_ids: _ExternalIds | None = None
    explicit: bool | None = None


class _Play(Struct):
    played_at: str | None = None
    track: Track | None = None


class _Page(Struct):
    items: list[Any] | None = None


class _Playing(Struct):
    is_playing: bool | None = None
    item: Track | None = None
    progress_ms: int | None = None


class _Me(Struct):
    account_id: str | None = None
    display_name: str | None = None


def read_recently_played(body: Any, limit: int) -> RecentlyPlayed:
    """Parse a page that was asked for with `limit`. Raises SourceUnavailable when it is no page."""
    page = convert(body, _Page)
    if page.items is None:
        raise SourceUnavailable("Spotify's list of recent plays came without items.")
    plays = [play for item in page.items if (play := _play(item)) is not None]
    return RecentlyPlayed(
        plays=tuple(sorted(plays, key=lambda play: play.played_at)),
        full=len(page.items) >= limit,
        unreadable=len(page.items) - len(plays),
    )


def read_now_playing(body: Any) -> NowPlaying:
    """Parse the answer; None is Spotify's 204: nothing plays. Raises SourceUnavailable for nonsense."""
    if body is None:
        return NowPlaying(is_playing=False)
    playing = convert(body, _Playing)
    track = heard_track(playing.item)
    progress = playing.progress_ms
    if progress is not None and not 0 <= progress <= DAY:
        progress = None
    # Spotify goes on saying "playing" after a device vanished: then the progress runs past the end
    ghost = track is not None and progress is not None and progress > (track.duration_ms or DAY)
    return NowPlaying(
        is_playing=bool(playing.is_playing) and track is not None and not ghost,
        track=track,
        progress_ms=progress,
    )


def read_account(body: Any) -> Account:
    """Parse /me. Raises SourceUnavailable when it does not say whose account it is."""
    me = convert(body, _Me)
    if not me.account_id:
        raise SourceUnavailable("Spotify did not say whose account this is (no account_id).")
    return Account(me.account_id, me.display_name or "")


def unix_ms(text: str) -> int:
    """ISO 8601 -> Unix ms UTC, a time without a zone being UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)  # exact: no floating point in an id


def convert(body: Any, kind: type[_T]) -> _T:
    """The body as that type. Raises SourceUnavailable where it has another shape."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise SourceUnavailable(f"Spotify's answer has another shape than documented ({error}).") from error


def _play(item: Any) -> HeardPlay | None:
    try:
        play = msgspec.convert(item, _Play)
        track = heard_track(play.track)
        return HeardPlay(unix_ms(play.played_at or ""), track) if track is not None else None
    except (msgspec.ValidationError, ValueError, OverflowError):
        return None


def heard_track(track: Track | None) -> HeardTrack | None:
    """What is known of a track; None where there is none, or one without an address."""
    if track is None or not track.uri:
        return None
    album = track.album or _Album()
    duration = track.duration_ms
    return HeardTrack(
        uri=track.uri,
        title=track.name or "",
        artists=tuple(Artist(a.name, a.id or "") for a in track.artists or () if a and a.name),
        album=album.name or (track.show.name if track.show else None) or "",
        album_uri=album.uri or "",
        image_url=picture(album.images or track.images or []),
        duration_ms=duration if duration is not None and 0 < duration <= DAY else None,
        isrc=(track.external_ids.isrc if track.external_ids else None) or "",
        release_date=album.release_date or "",
        explicit=track.explicit,
    )


def picture(images: list[Image | None]) -> str:
    """The smallest that is wide enough, else the widest; one without a width only when alone."""
    known = [(image.width or 0, image.url) for image in images if image and image.url]
    wide = [image for image in known if image[0] >= WIDE_ENOUGH]
    best = min(wide, default=None) or max(known, default=None)
    return best[1] if best else ""
