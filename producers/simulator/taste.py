"""Which tracks a simulated listener likes, and which one comes next.

Nothing here remembers what was played: favourites follow from the month and discoveries from
the day, so any stretch of a history can be made on its own and agrees with every other.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random

from producers.simulator.catalogue import GENRES, SimulatedArtist, Track
from producers.simulator.listeners import SimulatedListener

POOL = 3_000  # tracks that one person ever comes across
RECENT_DAYS = 8  # how long a discovery stays in rotation
_FOREIGN = 0.06  # weight of a style that they do not care for, beside 1


class Taste:
    """One listener's liking of one catalogue."""

    def __init__(self, listener: SimulatedListener, artists: tuple[SimulatedArtist, ...]) -> None:
        habits = listener.habits
        rng = random.Random(f"taste {listener.listener}")  # noqa: S311  a simulation
        liked = set(rng.sample(range(len(GENRES)), habits.styles))
        ranked: list[tuple[float, int, Track]] = []
        for artist in artists:
            distance = (artist.popularity - habits.popularity) / habits.popularity_spread
            weight = math.exp(-distance * distance / 2) * (1 if artist.style in liked else _FOREIGN)
            devotion = weight * math.exp(rng.gauss(0, 0.6)) + 1e-9
            for track in artist.tracks:
                # the largest u ** (1 / weight) first: a weighted draw without putting back
                ranked.append((math.log(1 - rng.random()) / devotion, len(ranked), track))
        ranked.sort(reverse=True)
        pool = [track for _, _, track in ranked[:POOL]]
        core = min(habits.favourites, len(pool) // 4)
        self._favourites = pool[: core * 2]
        self._discoveries = pool[core * 2 :]
        rng.shuffle(self._discoveries)
        self._core = core
        self.weights = list(itertools.accumulate(1 / (rank + 4) ** 0.7 for rank in range(core)))
        self.a_day = max(1, round(habits.plays_a_day * habits.discovery * 1.6))
        self.habits = habits
        self._listener = listener.listener

    def day(self, ordinal: int, rng: random.Random) -> TasteOfDay:
        """The choice on one day (proleptic ordinal of the local date); `rng` is the day's own."""
        month = random.Random(f"month {self._listener} {ordinal // 30}")  # noqa: S311  a simulation
        half = self._core // 2  # a core that stays, and as much that changes every month
        favourites = [*self._favourites[:half], *month.sample(self._favourites[half:], self._core - half)]
        return TasteOfDay(self, ordinal, favourites, rng)

    def discovery(self, ordinal: int, place: int) -> Track:
        """The track that is discovered as number `place` of a day; after years they come round."""
        return self._discoveries[(ordinal * self.a_day + place % self.a_day) % len(self._discoveries)]


class TasteOfDay:
    """The choice of one day. `found` counts the discoveries so far."""

    def __init__(self, taste: Taste, ordinal: int, favourites: list[Track], rng: random.Random) -> None:
        self.found = 0
        self._taste = taste
        self._ordinal = ordinal
        self._favourites = favourites
        self._rng = rng

    def next(self) -> Track:
        """The next track: something new, something new of late, or a favourite."""
        taste, rng = self._taste, self._rng
        dice = rng.random()
        if dice < taste.habits.discovery:
            self.found += 1
            return taste.discovery(self._ordinal, self.found - 1)
        if dice < taste.habits.discovery + taste.habits.recent:
            ago = 1 + int(rng.random() * RECENT_DAYS)
            return taste.discovery(self._ordinal - ago, int(rng.random() * taste.a_day / 2))
        found = bisect.bisect(taste.weights, rng.random() * taste.weights[-1])
        return self._favourites[min(found, len(self._favourites) - 1)]
