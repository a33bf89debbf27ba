"""Colours of the families of genres: each always the same, none of them red or green."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana.board import ASIDE, colour

# The neighbours in a chart are mostly the first of each row, so those differ most.
FAMILIES: Mapping[str, str] = {
    "pop": "purple",
    "rock": "blue",
    "hip-hop": "orange",
    "electronic": "yellow",
    "latin-urban": "#00a8b5",
    "rnb-soul": "light-purple",
    "alternative": "light-blue",
    "latin-pop": "light-orange",
    "jazz": "light-yellow",
    "metal": "dark-blue",
    "punk": "semi-dark-blue",
    "folk": "#c9a66b",
    "country": "#a67c52",
    "classical": "super-light-blue",
    "blues": "#5c7cfa",
    "latin-rock": "semi-dark-orange",
    "regional-mexican": "super-light-orange",
    "tropical": "#66d9e8",
    "brazilian": "dark-yellow",
    "reggae": "super-light-yellow",
    "asian-pop": "super-light-purple",
    "african": "semi-dark-yellow",
    "world": "#0b7285",
    "soundtrack": "semi-dark-purple",
    "religious": "dark-purple",
    "spoken": "#495057",
    "other": ASIDE,
}


def of_family(name: str) -> list[DynamicConfigValue]:
    """What a field named by its family is painted with."""
    return [colour(FAMILIES[name])]
