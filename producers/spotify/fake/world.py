"""What the fake's listeners play: a catalogue and, for each of them, plays that follow from a seed.

A timeline is a pure function of seed and beginning: asking early or late, often or seldom, in
one process or after a restart gives the same plays.
"""

from __future__ import annotations

import hashlib
import random
import threading
from typing import Literal

from msgspec import Struct

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LISTED_MOST = 50  # Spotify shows the last 50 plays and no more
SHORT_MS = 30_000  # plays below this are mostly missing from recently-played

_FIRST = ("Amber", "Hollow", "Paper", "Velvet", "Northern", "Static", "Quiet", "Golden", "Salt", "Neon")
_SECOND = ("Harbour", "Foxes", "Parade", "Machines", "Gardens", "Signals", "Orchard", "Youth", "Caravan")
_WORDS = ("Light", "Again", "Morning", "Rivers", "Slow", "Glass", "Home", "Thunder", "Echo", "Summer", "Snow")


class Habits(Struct, frozen=True, kw_only=True):
    """How a fake listener listens: lengths in tracks and seconds, chances from 0 to 1."""

    session: tuple[int, int] = (15, 60)
    pause_s: tuple[float, float] = (600.0, 7_200.0)
    skips: float = 0.15  # plays that end within half a minute
    skips_listed: float = 0.1  # of them, those that recently-played shows all the same
    late: float = 0.03  # plays that appear in the list up to late_s after they ended
    late_s: float = 900.0
    saved: int = 120  # tracks in the library when the music begins
    library_s: float = 6 * 3_600.0  # from one change of the library to the next; 0: it stays
    episodes: float = 0.02
    ads: float = 0.02


class FakeArtist(Struct, frozen=True):
    """An artist of the catalogue."""

    id: str
    name: str


class FakeTrack(Struct, frozen=True, kw_only=True):
    """A track of the catalogue, or an episode, or an ad (which has no id)."""

    id: str
    name: str
    artists: tuple[FakeArtist, ...]
    album_id: str
    album: str
    release_date: str
    duration_ms: int
    isrc: str
    explicit: bool
    kind: Literal["track", "episode", "ad"] = "track"

    @property
    def uri(self) -> str:
        """spotify:track:… or spotify:episode:…."""
        return f"spotify:{self.kind}:{self.id}"


class FakePlay(Struct, frozen=True, kw_only=True):
    """One play. Times are Unix ms UTC; `played_at` is what recently-played says, near the end."""

    track: FakeTrack
    start: int
    end: int
    played_at: int
    appears_at: int  # when recently-played shows it first
    listed: bool  # whether it ever does


def spotify_id(*parts: object) -> str:
    """22 base-62 digits that follow from the parts, as Spotify's ids look."""
    number = int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=16).digest(), "big")
    digits = []
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits.append(BASE62[digit])
    return "".join(digits)


def make_catalogue(seed: int, artists: tuple[tuple[str, str], ...] = (), tracks: int = 200) -> list[FakeTrack]:
    """Tracks by the given artists (id, name), or by made-up ones."""
    dice = random.Random(f"catalogue {seed}")  # noqa: S311 (a made-up world, no secret)
    known = [FakeArtist(*artist) for artist in artists] or [
        FakeArtist(spotify_id("artist", first, second), f"{first} {second}")
        for first in _FIRST
        for second in dice.sample(_SECOND, 3)
    ]
    return [_make_track(dice, known, number) for number in range(tracks)]


def _make_track(dice: random.Random, known: list[FakeArtist], number: int) -> FakeTrack:
    performers = tuple(dice.sample(known, 1 if dice.random() < 0.85 or len(known) < 2 else 2))
    name = " ".join(dice.sample(_WORDS, dice.randint(1, 3)))
    album = dice.choice(_WORDS) + " " + dice.choice(_WORDS)
    year = dice.randint(1965, 2026)
    return FakeTrack(
        id=spotify_id("track", performers[0].id, number, name),
        name=name,
        artists=performers,
        album_id=spotify_id("album", performers[0].id, album),
        album=album,
        release_date=dice.choice((f"{year}", f"{year}-{dice.randint(1, 12):02}", f"{year}-06-1{number % 9}")),
        duration_ms=dice.randint(95_000, 420_000),
        isrc=f"ZZFKE{year % 100:02}{number:05}",
        explicit=dice.random() < 0.15,
    )


class Timeline:
    """The plays of one listener from `begin` (Unix ms UTC) on. Safe for threads."""

    def __init__(self, seed: str, catalogue: list[FakeTrack], begin: int, habits: Habits) -> None:
        self._dice = random.Random(seed)  # noqa: S311 (a made-up world, no secret)
        self._habits = habits
        self._favourites = self._dice.sample(catalogue, min(len(catalogue), 80))
        self._weights = [1 / (rank + 3) for rank in range(len(self._favourites))]
        self._plays: list[FakePlay] = []
        self._next = begin
        self._left = 0  # tracks until the session ends
        self._lock = threading.Lock()

    def until(self, now: int) -> list[FakePlay]:
        """Every play that began by `now`, oldest first."""
        with self._lock:
            while self._next <= now:
                self._play_on()
            cut = len(self._plays)
            while cut and self._plays[cut - 1].start > now:
                cut -= 1
            return self._plays[:cut]

    def listed(self, now: int) -> list[FakePlay]:
        """What recently-played would show, newest first."""
        shown = [play for play in self.until(now) if play.listed and play.appears_at <= now]
        return sorted(shown, key=lambda play: -play.played_at)[:LISTED_MOST]

    def playing(self, now: int) -> FakePlay | None:
        """What plays at `now`."""
        plays = self.until(now)
        return plays[-1] if plays and now < plays[-1].end else None

    def _play_on(self) -> None:
        dice, habits = self._dice, self._habits
        if self._left == 0:
            self._left = dice.randint(*habits.session)
            self._next += int(dice.uniform(*habits.pause_s) * 1000) if self._plays else 0
        self._left -= 1
        track, played = self._choose()
        start, end = self._next, self._next + played
        short = played < SHORT_MS
        listed = track.kind == "track" and (not short or dice.random() < habits.skips_listed)
        delay = dice.uniform(500, 3_000)
        if dice.random() < habits.late:
            delay += dice.uniform(0, habits.late_s * 1000)
        self._plays.append(
            FakePlay(
                track=track,
                start=start,
                end=end,
                played_at=end - dice.randint(0, 1_200),
                appears_at=int(end + delay),
                listed=listed,
            )
        )
        self._next = end + dice.randint(100, 2_000)

    def _choose(self) -> tuple[FakeTrack, int]:
        dice, habits = self._dice, self._habits
        chance = dice.random()
        if chance < habits.ads:
            return _AD, _AD.duration_ms
        if chance < habits.ads + habits.episodes:
            return _EPISODE, dice.randint(SHORT_MS, _EPISODE.duration_ms)
        track = dice.choices(self._favourites, self._weights)[0]
        if dice.random() < habits.skips:
            return track, dice.randint(2_000, SHORT_MS - 1)
        share = 1.0 if dice.random() < 0.9 else dice.uniform(0.4, 0.95)
        return track, int(track.duration_ms * share)


_AD = FakeTrack(
    id="",
    name="",
    artists=(),
    album_id="",
    album="",
    release_date="",
    duration_ms=25_000,
    isrc="",
    explicit=False,
    kind="ad",
)
_EPISODE = FakeTrack(
    id=spotify_id("episode"),
    name="The one about clocks",
    artists=(),
    album_id=spotify_id("show"),
    album="Made-up Talk",
    release_date="2026-05-04",
    duration_ms=1_500_000,
    isrc="",
    explicit=False,
    kind="episode",
)
