"""An invented catalogue: artists with genres and a spread of popularity, and their tracks.

Nobody in it exists. Everything follows from the seed: the same seed gives the same ids on any
machine and in any year.
"""

from __future__ import annotations

import hashlib
import random
from functools import lru_cache

from msgspec import Struct

from streams.contracts.events import ArtistDescribed

ARTISTS = 480
SOURCE = "simulator"
DESCRIBED_AT = 1_767_225_600_000  # 2026-01-01: a catalogue has no clock of its own

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# groups of real genre names, as a catalogue would give them; the last group knows nothing
GENRES: tuple[tuple[str, ...], ...] = (
    ("pop", "dance pop"),
    ("rock", "classic rock"),
    ("indie rock", "dream pop"),
    ("metal", "doom metal"),
    ("hip hop", "boom bap"),
    ("neo soul", "r&b"),
    ("house", "deep house"),
    ("ambient", "downtempo"),
    ("latin pop", "balada"),
    ("reggaeton", "urbano latino"),
    ("folk", "singer-songwriter"),
    ("jazz", "nu jazz"),
    ("k-pop", "j-pop"),
    ("afrobeats", "amapiano"),
    (),
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words("Amber Copper Velvet Paper Silver Hollow Northern Electric Crimson Quiet Golden Salt Glass")
_SECOND = _words("Harbour Foxes Arcade Lanterns Orchard Static Meridian Parade Tides Cinema Atlas Embers")
_SYLLABLES = _words("ka lo mi ra ne to vi sa du el an or ti be lu no ze ya fi mo")
_TITLE_HEADS = _words("Late Blue Slow Second Last Bright Distant Little Broken Summer Winter Open Soft")
_TITLE_TAILS = _words("Signal Morning Letters Rooms Weather Streets Machines Water Promise Windows Echo")


class Track(Struct, frozen=True):
    """A track of the catalogue. `duration_ms` is in milliseconds."""

    uri: str
    title: str
    artist: str
    artist_id: str
    album: str
    album_uri: str
    duration_ms: int


class SimulatedArtist(Struct, frozen=True):
    """An artist with what listeners choose by. `style` is the index of its group in GENRES."""

    described: ArtistDescribed
    style: int
    popularity: int
    tracks: tuple[Track, ...]


def spotify_like_id(*parts: object) -> str:
    """22 base62 characters that follow from the parts, of the form that Spotify's ids have."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).digest()
    number = int.from_bytes(digest, "big")
    made = []
    for _ in range(22):
        number, digit = divmod(number, 62)
        made.append(_BASE62[digit])
    return "".join(made)


@lru_cache(maxsize=4)
def catalogue(seed: int) -> tuple[SimulatedArtist, ...]:
    """All artists of that seed, about 7,000 tracks, most of them by artists whom few know."""
    rng = random.Random(f"catalogue {seed}")  # noqa: S311  a simulation, no secret
    names: set[str] = set()
    return tuple(_artist(seed, number, rng, names) for number in range(ARTISTS))


def _artist(seed: int, number: int, rng: random.Random, names: set[str]) -> SimulatedArtist:
    name = _name(rng)
    while name in names:
        name = f"{name} {rng.choice(_SYLLABLES).title()}"
    names.add(name)
    artist_id = spotify_like_id("artist", seed, number)
    popularity = int(100 * rng.random() ** 1.5)
    style = rng.randrange(len(GENRES))
    followers = int(10 ** (1.5 + popularity / 18) * rng.uniform(0.6, 1.6))
    described = ArtistDescribed(
        source=SOURCE,
        id=artist_id,
        name=name,
        described_at=DESCRIBED_AT,
        genres=GENRES[style],
        popularity=popularity,
        followers=followers,
    )
    tracks: list[Track] = []
    while len(tracks) < 10 + int(rng.random() * 10):
        album = _title(rng)
        album_uri = f"spotify:album:{spotify_like_id('album', seed, number, len(tracks))}"
        tracks.extend(
            Track(
                uri=f"spotify:track:{spotify_like_id('track', seed, number, len(tracks), place)}",
                title=f"{_title(rng)} {place + 1}" if rng.random() < 0.2 else _title(rng),
                artist=name,
                artist_id=artist_id,
                album=album,
                album_uri=album_uri,
                duration_ms=int(max(90_000, min(rng.gauss(205_000, 45_000), 480_000))),
            )
            for place in range(5)
        )
    return SimulatedArtist(described, style, popularity, tuple(tracks))


def _name(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return f"{rng.choice(_FIRST)} {rng.choice(_SECOND)}"
    given = "".join(rng.choice(_SYLLABLES) for _ in range(rng.choice((2, 3)))).title()
    family = "".join(rng.choice(_SYLLABLES) for _ in range(rng.choice((2, 3)))).title()
    return f"{given} {family}"


def _title(rng: random.Random) -> str:
    return f"{rng.choice(_TITLE_HEADS)} {rng.choice(_TITLE_TAILS)}"
