"""The five personas: what each means, and in which direction its listeners differ from the rest.

A lean is a prototype in standard deviations from the typical listener. Leans only name the
clusters that k-means finds (ml/train.py); who belongs to which is the cluster's decision.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Persona(Struct, frozen=True):
    """A persona. `lean` maps features of ml/features.py to standard deviations."""

    name: str
    description: str
    lean: Mapping[str, float]


PERSONAS: tuple[Persona, ...] = (
    Persona(
        "Mainstream Explorer",
        "You are at home with what everybody knows, and always find the next hit in it.",
        {
            "mainstream_index": 1.3,
            "discovery_rate": 0.7,
            "artists_per_50": 0.5,
            "night_share": -0.4,
        },
    ),
    Persona(
        "Underground Hunter",
        "You go looking where few others listen, across many genres.",
        {
            "mainstream_index": -1.6,
            "genre_entropy": 1.0,
            "discovery_rate": 0.8,
            "artists_per_50": 0.7,
        },
    ),
    Persona(
        "Music Addict",
        "There is hardly an hour without music, and your favourites come round again and again.",
        {
            "plays_per_active_day": 1.6,
            "active_days_share": 0.9,
            "session_minutes": 1.4,
            "repeat_rate": 1.0,
        },
    ),
    Persona(
        "Night Owl",
        "Your music starts when others go to bed.",
        {"night_share": 1.9},
    ),
    Persona(
        "Casual Listener",
        "You put music on now and then, and like what you already know.",
        {
            "plays_per_active_day": -1.5,
            "active_days_share": -1.6,
            "session_minutes": -1.3,
            "discovery_rate": -0.6,
            "artists_per_50": -1.2,
        },
    ),
)
DESCRIPTIONS: Mapping[str, str] = {persona.name: persona.description for persona in PERSONAS}
