"""Who listens: the few of the demonstration, and whole populations to train personas on."""

from __future__ import annotations

import random

from msgspec import Struct

from producers.simulator.habits import (
    ARCHETYPES,
    CASUAL_LISTENER,
    MAINSTREAM_EXPLORER,
    MUSIC_ADDICT,
    NIGHT_OWL,
    UNDERGROUND_HUNTER,
    Habits,
    varied,
)
from streams.contracts import ids
from streams.contracts.ports import ListenerSettings, ZonePeriod

# of the travel: 1 February and 15 April 2026
_LEAVES, _RETURNS = 1_769_904_000_000, 1_776_211_200_000

# name, archetype, zones from when on (Unix milliseconds UTC); the first of an archetype is its pure form
_DEMO: tuple[tuple[str, str, tuple[tuple[int, str], ...]], ...] = (
    ("Maya", MAINSTREAM_EXPLORER, ((0, "America/Mexico_City"),)),
    ("Jonas", UNDERGROUND_HUNTER, ((0, "Europe/Berlin"),)),
    ("Priya", MUSIC_ADDICT, ((0, "Asia/Kolkata"),)),
    ("Tane", NIGHT_OWL, ((0, "Pacific/Auckland"),)),
    ("Amara", CASUAL_LISTENER, ((0, "Africa/Lagos"),)),
    ("Yuki", NIGHT_OWL, ((0, "Asia/Tokyo"),)),
    (
        "Lucia",
        MAINSTREAM_EXPLORER,
        ((0, "Europe/Madrid"), (_LEAVES, "America/Argentina/Buenos_Aires"), (_RETURNS, "Europe/Madrid")),
    ),
    ("Sam", UNDERGROUND_HUNTER, ((0, "America/Los_Angeles"),)),
)

COUNTRIES = {  # of the zones above and below, as an export's conn_country has them
    "America/Mexico_City": "MX",
    "Europe/Berlin": "DE",
    "Asia/Kolkata": "IN",
    "Pacific/Auckland": "NZ",
    "Africa/Lagos": "NG",
    "Asia/Tokyo": "JP",
    "Europe/Madrid": "ES",
    "America/Argentina/Buenos_Aires": "AR",
    "America/Los_Angeles": "US",
    "America/Sao_Paulo": "BR",
}


class SimulatedListener(Struct, frozen=True):
    """A listener as the rest of the house knows one, and the habits that were planted."""

    settings: ListenerSettings
    habits: Habits

    @property
    def listener(self) -> int:
        """The 64-bit id."""
        return self.settings.listener

    @property
    def archetype(self) -> str:
        """The planted archetype: the label that a training looks for."""
        return self.habits.archetype

    def zone_at(self, ms: int) -> str:
        """The IANA zone they live by at `ms`, Unix milliseconds UTC."""
        return next(period.zone for period in reversed(self.settings.zones) if period.starts <= ms)


def demo_listeners(seed: int) -> tuple[SimulatedListener, ...]:
    """Eight people: one of each archetype, and three who live one of them differently."""
    made: list[SimulatedListener] = []
    for name, archetype, zones in _DEMO:
        habits = ARCHETYPES[archetype]
        if any(other.archetype == archetype for other in made):
            habits = varied(habits, random.Random(f"{seed} {name}"))  # noqa: S311  a simulation
        made.append(_listener(seed, name, tuple(ZonePeriod(*period) for period in zones), habits))
    return tuple(made)


def population(n: int, seed: int) -> list[SimulatedListener]:
    """`n` different people, spread evenly over the five archetypes and over ten time zones."""
    rng = random.Random(f"population {seed}")  # noqa: S311  a simulation
    archetypes, zones = list(ARCHETYPES.values()), list(COUNTRIES)
    return [
        _listener(
            seed,
            f"simulated {number}",
            (ZonePeriod(0, rng.choice(zones)),),
            varied(archetypes[number % len(archetypes)], rng),
        )
        for number in range(n)
    ]


def _listener(seed: int, name: str, zones: tuple[ZonePeriod, ...], habits: Habits) -> SimulatedListener:
    listener = ids.hash64("simulator", str(seed), name)
    return SimulatedListener(ListenerSettings(listener=listener, name=name, zones=zones, is_demo=True), habits)
