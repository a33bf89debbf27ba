"""A page of saved tracks, followed artists or a top list, as types; an odd item is counted, and the others kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from producers.spotify.answers import Image, Track, convert, heard_track, picture, unix_ms
from streams.contracts.errors import SourceUnavailable
from streams.contracts.events import EARLIEST, Artist
from streams.contracts.ports import LibraryEntry

LATEST = 4_294_967_295_000  # Unix ms UTC: no event holds a later time

_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_TRACK = re.compile(rf"spotify:track:({_ID.pattern})")


class ListPage(Struct, frozen=True, kw_only=True):
    """One page of a list of the library, in its order."""

    entries: tuple[LibraryEntry, ...]
    unreadable: int  # items without a Spotify id: they count in `total`
    total: int | None  # items of the whole list, as Spotify says
    more: bool  # whether Spotify has a page behind it
    after: str = ""  # of followed artists: what the page behind it is asked for with


class _Saved(Struct):
    added_at: str | None = None
    track: Track | None = None


class _FullArtist(Struct):
    id: str | None = None
    name: str | None = None
    uri: str | None = None
    images: list[Image | None] | None = None


class _Cursors(Struct):
    after: str | None = None


class _Listed(Struct):
    items: list[Any] | None = None
    total: int | None = None
    next: str | None = None
    cursors: _Cursors | None = None


class _Followed(Struct):
    artists: _Listed | None = None


def read_saved_tracks(body: Any) -> ListPage:
    """Parse a page of saved tracks. Raises SourceUnavailable when it is no page."""
    return _list_page(convert(body, _Listed), _saved, 0)


def read_top_tracks(body: Any, offset: int) -> ListPage:
    """Parse the page of a top list that begins behind `offset` items. Raises SourceUnavailable when it is no page."""
    return _list_page(convert(body, _Listed), _liked, offset + 1)


def read_top_artists(body: Any, offset: int) -> ListPage:
    """The same of artists."""
    return _list_page(convert(body, _Listed), _artist, offset + 1)


def read_followed_artists(body: Any) -> ListPage:
    """Parse a page of followed artists. Raises SourceUnavailable when it is no page."""
    return _list_page(convert(body, _Followed).artists or _Listed(), _artist, 0)


def _list_page(page: _Listed, read: Callable[[Any], LibraryEntry | None], first: int) -> ListPage:
    """`first` is the position of the first item, 0 where positions mean nothing."""
    if page.items is None:
        raise SourceUnavailable("Spotify's list came without items.")
    entries = []
    for place, item in enumerate(page.items):
        try:
            entry = read(item)
        except (msgspec.ValidationError, ValueError, OverflowError):
            entry = _nameless(item)
        if entry is not None:
            entries.append(msgspec.structs.replace(entry, position=first + place if first else 0))
    return ListPage(
        entries=tuple(entries),
        unreadable=len(page.items) - len(entries),
        total=page.total,
        more=bool(page.next),
        after=(page.cursors.after if page.cursors else None) or "",
    )


def _nameless(item: Any) -> LibraryEntry | None:
    """Of an item with odd fields at least that it stands there, so that it is not taken for gone."""
    described = item.get("track", item) if isinstance(item, dict) else None
    one = described.get("id") if isinstance(described, dict) else None
    if not isinstance(one, str) or not _ID.fullmatch(one):
        return None
    return LibraryEntry(item=one)


def _saved(item: Any) -> LibraryEntry | None:
    saved = msgspec.convert(item, _Saved)
    entry = _listed_track(saved.track)
    if entry is None or not saved.added_at:
        return entry
    added_at = unix_ms(saved.added_at)
    return msgspec.structs.replace(entry, added_at=added_at) if EARLIEST <= added_at <= LATEST else entry


def _liked(item: Any) -> LibraryEntry | None:
    return _listed_track(msgspec.convert(item, Track))


def _listed_track(described: Track | None) -> LibraryEntry | None:
    track = heard_track(described)
    if track is None or not (found := _TRACK.fullmatch(track.uri)):
        return None  # a file of the listener's own has no id
    artist = track.artists[0] if track.artists else Artist("")
    return LibraryEntry(
        item=found[1],
        title=track.title,
        artist=artist.name,
        artist_id=artist.id,
        album=track.album,
        image_url=track.image_url,
        uri=track.uri,
        isrc=track.isrc,
    )


def _artist(item: Any) -> LibraryEntry | None:
    artist = msgspec.convert(item, _FullArtist)
    if not artist.id or not _ID.fullmatch(artist.id):
        return None
    return LibraryEntry(
        item=artist.id,
        artist=artist.name or "",
        artist_id=artist.id,
        image_url=picture(artist.images or []),
        uri=artist.uri or f"spotify:artist:{artist.id}",
    )
