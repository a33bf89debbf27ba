"""What the fake's listeners saved and follow: like their plays it follows from a seed, and changes as music goes on."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import Literal

from msgspec import Struct

from producers.spotify.fake.world import FakeArtist, FakeTrack, Timeline

DAY_MS = 86_400_000
SPAN_MS = {"short_term": 28 * DAY_MS, "medium_term": 182 * DAY_MS, "long_term": 365 * DAY_MS}

Act = Literal["save", "unsave", "follow", "unfollow"]


class Change(Struct, frozen=True, order=True):
    """What a listener did at a moment (Unix ms UTC) to a track or an artist."""

    at: int
    act: Act
    item: str


class FakeLibrary:
    """One listener's. Safe for threads.

    They begin with some of what they like, saved in the weeks before `begin`, and every `change_s`
    seconds of music they save, unsave, follow or unfollow something. `do` adds what a test wants.
    """

    def __init__(
        self, seed: str, catalogue: list[FakeTrack], timeline: Timeline, begin: int, *, saved: int, change_s: float
    ) -> None:
        self._seed = seed
        self._tracks = {track.id: track for track in catalogue}
        self._artists = {artist.id: artist for track in catalogue for artist in track.artists}
        self._timeline = timeline
        self._begin = begin
        self._change_ms = int(change_s * 1000)
        self._told: list[Change] = []
        self._lock = threading.Lock()
        dice = random.Random(f"library {seed}")  # noqa: S311 (a made-up world, no secret)
        tracks = dice.sample(sorted(self._tracks), min(saved, len(self._tracks)))
        artists = dice.sample(sorted(self._artists), len(self._artists) * 2 // 3)
        self._first = [Change(begin - dice.randrange(90 * DAY_MS), "save", one) for one in tracks]
        self._first += [Change(begin - dice.randrange(90 * DAY_MS), "follow", one) for one in artists]

    def do(self, at: int, act: Act, item: str) -> None:
        """The listener does that at a moment (Unix ms UTC)."""
        with self._lock:
            self._told.append(Change(at, act, item))

    def saved(self, now: int) -> list[tuple[FakeTrack, int]]:
        """Saved tracks and when, the newest first."""
        stand = self._standing(now, "save", "unsave")
        return [(self._tracks[one], at) for one, at in sorted(stand.items(), key=lambda pair: (-pair[1], pair[0]))]

    def followed(self, now: int) -> list[FakeArtist]:
        """Followed artists, by id."""
        return [self._artists[one] for one in sorted(self._standing(now, "follow", "unfollow"))]

    def top_tracks(self, now: int, span: str) -> list[FakeTrack]:
        """What was played most in that span."""
        counted = Counter(
            play.track.id for play in self._timeline.until(now) if _counts(play.track, play.start, now, span)
        )
        return [self._tracks[one] for one, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))]

    def top_artists(self, now: int, span: str) -> list[FakeArtist]:
        """Who was played most in that span."""
        counted = Counter(
            artist.id
            for play in self._timeline.until(now)
            if _counts(play.track, play.start, now, span)
            for artist in play.track.artists[:1]
        )
        return [self._artists[one] for one, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))]

    def _standing(self, now: int, come: Act, go: Act) -> dict[str, int]:
        with self._lock:
            changes = sorted([*self._first, *self._told, *self._planned(now)])
        stand: dict[str, int] = {}
        for change in changes:
            if change.at > now:
                break
            if change.act == come:
                stand.setdefault(change.item, change.at)
            elif change.act == go:
                stand.pop(change.item, None)
        return stand

    def _planned(self, now: int) -> list[Change]:
        """One change for each interval since the beginning, each from dice of its own."""
        if not self._change_ms:
            return []
        planned = []
        tracks, artists = sorted(self._tracks), sorted(self._artists)
        for number in range(1, max(0, now - self._begin) // self._change_ms + 1):
            dice = random.Random(f"library {self._seed} {number}")  # noqa: S311 (a made-up world, no secret)
            act: Act = dice.choices(("save", "unsave", "follow", "unfollow"), (5, 3, 2, 1))[0]
            item = dice.choice(tracks if act in ("save", "unsave") else artists)
            planned.append(Change(self._begin + number * self._change_ms, act, item))
        return planned


def _counts(track: FakeTrack, start: int, now: int, span: str) -> bool:
    return track.kind == "track" and now - SPAN_MS[span] <= start
