"""What a simulated listener does every day, and the five archetypes that personas are trained on."""

from __future__ import annotations

import math
import random

from msgspec import Struct
from msgspec.structs import replace

MAINSTREAM_EXPLORER = "Mainstream Explorer"
UNDERGROUND_HUNTER = "Underground Hunter"
MUSIC_ADDICT = "Music Addict"
NIGHT_OWL = "Night Owl"
CASUAL_LISTENER = "Casual Listener"


class Habits(Struct, frozen=True, kw_only=True):
    """Planted habits. Shares are 0 to 1; hours are local, weight of a session to begin in each."""

    archetype: str
    plays_a_day: float  # on a day with any
    active_days: float  # share of days with any play
    weekend: float  # factor on plays_a_day on Saturday and Sunday
    hours: tuple[float, ...]  # 24 weights
    session: float  # mean number of plays in one go
    discovery: float  # share of plays of a track never heard before
    recent: float  # share of plays of what was discovered in the last days
    favourites: int  # tracks that the rest is chosen from
    popularity: float  # centre of what they like, 0 to 100
    popularity_spread: float
    styles: int  # how many groups of genres they like
    skips: float  # share of plays that are skipped within half a minute


def _hours(**spans: float) -> tuple[float, ...]:
    """`h7_9=3` weighs the hours 7 and 8 with 3; all other hours weigh 0.02."""
    weights = [0.02] * 24
    for span, weight in spans.items():
        first, last = (int(part) for part in span[1:].split("_"))
        for hour in range(first, last):
            weights[hour % 24] = weight
    return tuple(weights)


ARCHETYPES: dict[str, Habits] = {
    habits.archetype: habits
    for habits in (
        Habits(
            archetype=MAINSTREAM_EXPLORER,
            plays_a_day=30,
            active_days=0.93,
            weekend=1.1,
            hours=_hours(h7_9=3, h9_16=0.8, h16_19=3, h19_22=2),
            session=8,
            discovery=0.38,
            recent=0.22,
            favourites=110,
            popularity=76,
            popularity_spread=11,
            styles=9,
            skips=0.24,
        ),
        Habits(
            archetype=UNDERGROUND_HUNTER,
            plays_a_day=26,
            active_days=0.9,
            weekend=1.3,
            hours=_hours(h11_17=1, h17_23=3),
            session=10,
            discovery=0.45,
            recent=0.2,
            favourites=140,
            popularity=12,
            popularity_spread=9,
            styles=5,
            skips=0.1,
        ),
        Habits(
            archetype=MUSIC_ADDICT,
            plays_a_day=105,
            active_days=0.99,
            weekend=1.0,
            hours=_hours(h6_9=2, h9_18=2.5, h18_23=2),
            session=24,
            discovery=0.15,
            recent=0.15,
            favourites=350,
            popularity=45,
            popularity_spread=28,
            styles=10,
            skips=0.17,
        ),
        Habits(
            archetype=NIGHT_OWL,
            plays_a_day=30,
            active_days=0.9,
            weekend=1.1,
            hours=_hours(h20_22=0.4, h22_23=1.5, h23_27=3, h27_28=1.5),
            session=11,
            discovery=0.18,
            recent=0.15,
            favourites=120,
            popularity=48,
            popularity_spread=22,
            styles=6,
            skips=0.12,
        ),
        Habits(
            archetype=CASUAL_LISTENER,
            plays_a_day=8,
            active_days=0.55,
            weekend=1.5,
            hours=_hours(h8_10=1.5, h12_14=1, h17_21=3),
            session=4,
            discovery=0.05,
            recent=0.05,
            favourites=45,
            popularity=62,
            popularity_spread=16,
            styles=4,
            skips=0.2,
        ),
    )
}


def varied(habits: Habits, rng: random.Random, noise: float = 0.18) -> Habits:
    """The same archetype as another person lives it: every figure a little different.

    `noise` is the standard deviation, relative to each figure; hours move by one at most.
    """

    def times(value: float, least: float, most: float) -> float:
        return max(least, min(value * math.exp(rng.gauss(0, noise)), most))

    shift = rng.choice((-1, 0, 0, 1))
    return replace(
        habits,
        plays_a_day=times(habits.plays_a_day, 2, 200),
        active_days=times(habits.active_days, 0.2, 1),
        weekend=times(habits.weekend, 0.6, 2),
        hours=tuple(times(habits.hours[(hour - shift) % 24], 0.005, 9) for hour in range(24)),
        session=times(habits.session, 2, 40),
        discovery=times(habits.discovery, 0.01, 0.7),
        recent=times(habits.recent, 0.01, 0.3),
        favourites=round(times(habits.favourites, 20, 600)),
        popularity=max(3.0, min(habits.popularity + rng.gauss(0, 5), 95.0)),
        popularity_spread=times(habits.popularity_spread, 6, 40),
        styles=max(2, min(habits.styles + rng.choice((-1, 0, 1)), 14)),
        skips=times(habits.skips, 0.01, 0.6),
    )
