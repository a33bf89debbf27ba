"""The typed events, one class a topic. JSON Schemas and docs/events.md are generated from here.

Times are integers: Unix milliseconds, UTC. Ids are 16 hexadecimal digits (see ids.py). Within
a version only optional fields are added, and readers ignore fields they do not know.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

VERSION = 1  # of every event here; the record's header `schema-version` says it

EARLIEST = 1_136_073_600_000  # 2006-01-01T00:00:00Z, the year Spotify was founded
DAY = 86_400_000

Id = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", description="64-bit id, 16 hexadecimal digits")]
Time = Annotated[int, Meta(ge=EARLIEST, le=4_294_967_295_000, description="Unix milliseconds, UTC")]
Duration = Annotated[int, Meta(ge=0, le=DAY, description="milliseconds")]
Name = Annotated[str, Meta(max_length=1024)]
Word = Annotated[str, Meta(max_length=64)]
Uri = Annotated[str, Meta(max_length=512, pattern=r"^\S*$")]
PlatformFamily = Annotated[Word, Meta(description="family only: android, ios, windows, macos, linux, web, cast, other")]
ImportId = Annotated[str, Meta(pattern="^([0-9a-f]{16})?$", description="the import that brought it, or empty")]
Source = Literal[
    "spotify.export.extended",
    "spotify.recently-played",
    "spotify.now-playing",
    "listenbrainz",
    "lastfm",
    "spotify.export.account",
    "simulator",
]
Kind = Literal["track", "episode", "chapter"]
LibraryKind = Literal["saved-track", "followed-artist", "top-track", "top-artist"]
TimeRange = Literal["", "short", "medium", "long"]


class Artist(Struct, frozen=True, omit_defaults=True, gc=False):
    """An artist as a source named it; `id` is "" where the source gives only names."""

    name: Name
    id: Word = ""


class PlayRecorded(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One play as one source saw it: a sighting."""

    listener: Id
    source: Source
    reported_end: Annotated[Time, Meta(description="when it ended, exactly as the source gave it")]
    published_at: Annotated[Time, Meta(description="when it was first published; a replay keeps it")]
    ended_at: Annotated[Time | None, Meta(description="a better end, where the source's came late")] = None
    started_at: Time | None = None
    ms_played: Duration | None = None
    duration_ms: Duration | None = None
    kind: Kind = "track"
    uri: Uri = ""
    title: Name = ""
    artists: Annotated[tuple[Artist, ...], Meta(max_length=64)] = ()
    album: Name = ""
    album_uri: Uri = ""
    image_url: Uri = ""
    isrc: Word = ""
    release_date: Word = ""
    country: Annotated[Word, Meta(description="two letters; serves only to propose travel periods")] = ""
    platform: PlatformFamily = ""
    reason_start: Word = ""
    reason_end: Word = ""
    shuffle: bool | None = None
    skipped: bool | None = None
    offline: bool | None = None
    incognito: bool | None = None
    explicit: bool | None = None
    import_id: ImportId = ""


class PlayEnriched(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A play with its id, local time, season and genre, or its removal. Keep the highest version."""

    listener: Id
    play_id: Id
    version: int
    removed: bool = False
    ended_at: Time | None = None
    started_at: Time | None = None
    ms_played: Duration | None = None
    uri: Uri = ""
    title: Name = ""
    artist: Name = ""
    artist_id: Word = ""
    album: Name = ""
    image_url: Uri = ""
    local_date: Annotated[Word, Meta(description="YYYY-MM-DD in the listener's zone on that date")] = ""
    local_hour: Annotated[int, Meta(ge=0, le=23)] | None = None
    weekday: Annotated[int, Meta(ge=1, le=7, description="Monday is 1")] | None = None
    utc_offset_minutes: int | None = None
    season: Literal["", "winter", "spring", "summer", "autumn"] = ""
    genre: Word = ""
    subgenre: Name = ""


class PlaybackChanged(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What plays at this moment for one listener, or nothing (`is_playing` false)."""

    listener: Id
    observed_at: Time
    is_playing: bool
    uri: Uri = ""
    title: Name = ""
    artists: Annotated[tuple[Artist, ...], Meta(max_length=64)] = ()
    album: Name = ""
    image_url: Uri = ""
    progress_ms: Duration | None = None
    duration_ms: Duration | None = None


class ListenerCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Wakes the worker that holds the listener. The command itself is a row in ClickHouse."""

    listener: Id
    command_id: Id
    kind: Literal["restamp", "erase"]
    asked_at: Time


class LibraryItem(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A track or artist that stands in a listener's library or top list, or its removal (`removed_at`)."""

    listener: Id
    kind: LibraryKind
    item: Word
    seen_at: Time
    version: int
    time_range: TimeRange = ""
    position: Annotated[int, Meta(ge=0, le=65_535)] = 0
    title: Name = ""
    artist: Name = ""
    artist_id: Word = ""
    album: Name = ""
    image_url: Uri = ""
    uri: Uri = ""
    isrc: Word = ""
    added_at: Time | None = None
    removed_at: Time | None = None


class ArtistDescribed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An artist as one source described it."""

    source: Word
    id: Word
    name: Name
    described_at: Time
    genres: Annotated[tuple[Name, ...], Meta(max_length=256)] = ()
    popularity: Annotated[int, Meta(ge=0, le=100)] | None = None
    followers: Annotated[int, Meta(ge=0)] | None = None


class ListenerProfile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The personality of one listener in one window, or none with the reason why."""

    listener: Id
    window: Word
    computed_at: Time
    plays: Annotated[int, Meta(ge=0)]
    model_id: Word = ""
    persona: Name | None = None
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None
    reasons: Annotated[tuple[Name, ...], Meta(max_length=16)] = ()
    features: dict[Word, float] = {}
