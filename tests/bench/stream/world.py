"""Who listens to what in the backlogs: invented listeners, artists and tracks that follow from a seed.

Some thousand artists, most of them in the catalogue with genres, so that linking and enriching have
as much to do as with a real history; few are played often, most seldom.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from producers.simulator.catalogue import GENRES, spotify_like_id
from streams.contracts.events import Artist, ArtistDescribed
from streams.contracts.ids import hash64

SEED = 20
ARTISTS = 4_000
TRACKS_EACH = 8
UNKNOWN_ONE_IN = 20  # artists that the catalogue does not have
LISTENERS = 500
DESCRIBED_AT = 1_767_225_600_000
ZONES = ("Europe/Lisbon", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Tokyo", "Australia/Sydney")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_WORDS = _words(
    "Amber Copper Velvet Paper Silver Hollow Northern Electric Crimson Quiet Golden Salt Glass Harbour Lantern "
    "Orchard Static Meridian Parade Tide Cinema Atlas Ember Signal Morning Letter Weather Machine Promise Echo"
)


@dataclass(frozen=True)
class Track:
    """A track, and what an export (names) and a poll (ids too) say of it."""

    uri: str
    title: str
    named: tuple[Artist, ...]
    identified: tuple[Artist, ...]
    album: str
    album_uri: str
    image_url: str
    isrc: str
    release_date: str
    duration_ms: int


def listeners(count: int = LISTENERS) -> list[int]:
    """Ids of the listeners; the first is the one who imports."""
    return [hash64("bench listener", str(number)) for number in range(count)]


@cache
def artists() -> tuple[ArtistDescribed, ...]:
    """The catalogue, without those whom it does not know."""
    return tuple(
        ArtistDescribed(
            source="bench",
            id=_artist_id(number),
            name=_artist_name(number),
            described_at=DESCRIBED_AT,
            genres=GENRES[number % len(GENRES)],
            popularity=max(0, 90 - number // 45),
        )
        for number in range(ARTISTS)
        if number % UNKNOWN_ONE_IN
    )


@cache
def tracks() -> tuple[Track, ...]:
    """Every track, those of the most popular artist first."""
    rng = random.Random(SEED)
    return tuple(_track(rng, artist, place) for artist in range(ARTISTS) for place in range(TRACKS_EACH))


def _artist_id(number: int) -> str:
    return spotify_like_id("bench artist", number)


def _artist_name(number: int) -> str:
    first, second = divmod(number, len(_WORDS))
    return f"The {_WORDS[first % len(_WORDS)]} {_WORDS[second]}s {number // 900 or ''}".strip()


def _track(rng: random.Random, artist: int, place: int) -> Track:
    name = _artist_name(artist)
    number = artist * TRACKS_EACH + place
    return Track(
        uri=f"spotify:track:{spotify_like_id('bench track', number)}",
        title=f"{rng.choice(_WORDS)} {rng.choice(_WORDS)}" + (f" ({place + 1})" if rng.random() < 0.3 else ""),
        named=(Artist(name),),
        identified=(Artist(name, _artist_id(artist)),),
        album=f"{rng.choice(_WORDS)} {rng.choice(_WORDS)}s",
        album_uri=f"spotify:album:{spotify_like_id('bench album', artist, place // 4)}",
        image_url=f"https://images.example/{number:040x}",
        isrc=f"XX{number:010d}",
        release_date=f"{1970 + artist % 55}-0{1 + place}-15",
        duration_ms=rng.randrange(120_000, 420_000),
    )
