"""What is stored and told against what was published: by sets of ids, in every place that shows them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sinks.clickhouse import ClickHouse
from streams.contracts import ids
from streams.contracts.topics import PLAY_ENRICHED
from tests.faults.world import Key, World
from tests.support.wire import Wire

_EXAMPLES = 3
_TOTALS = """
    SELECT p.listener, p.plays, p.ms, c.plays
    FROM (SELECT listener, count() AS plays, sum(ms_heard) AS ms FROM v_plays GROUP BY listener) AS p
    LEFT JOIN (SELECT listener, count() AS plays FROM v_counted_plays GROUP BY listener) AS c
    ON p.listener = c.listener
"""


@dataclass
class Place:
    """One place that shows ids: what is missing there, and what is there too often or for no reason."""

    name: str
    lost: set[Key]
    double: Counter[Key]

    def __str__(self) -> str:
        shown = [f"{len(self.lost)} lost {_examples(self.lost)}", f"{self.double.total()} double"]
        return f"{self.name}: {', '.join(shown)} {_examples(set(self.double))}"


@dataclass
class Verdict:
    """`lost` and `double` are the sums over all places; `replayed` a lower bound of plays told again."""

    places: list[Place] = field(default_factory=list)
    totals: list[str] = field(default_factory=list)  # listeners whose totals differ
    lag: int = 0
    replayed: int = 0

    @property
    def lost(self) -> int:
        """Ids that should be there."""
        return sum(len(place.lost) for place in self.places)

    @property
    def double(self) -> int:
        """Rows that should not."""
        return sum(place.double.total() for place in self.places)

    def good(self) -> bool:
        """Whether nothing is lost and nothing double, in tables, totals, topics and offsets."""
        return not (self.lost or self.double or self.totals or self.lag)

    def __str__(self) -> str:
        wrong = [str(place) for place in self.places if place.lost or place.double]
        return "\n".join([*wrong, *self.totals[:_EXAMPLES], f"totals that differ: {len(self.totals)}, lag: {self.lag}"])


def judge(world: World, ch: ClickHouse, wire: Wire, *, told: bool = True) -> Verdict:
    """Compare the views, the totals by listener, the topic of enriched plays (if `told`), and the offsets."""
    plays = {(play.listener, play.id()) for play in world.plays}
    verdict = Verdict(lag=wire.lag())
    sightings = ch.query("SELECT listener, sighting_id FROM v_sightings")
    verdict.places.append(_place("v_sightings", world.sightings, Counter((row[0], row[1]) for row in sightings)))
    shown = Counter((row[0], row[1]) for row in ch.query("SELECT listener, play_id FROM v_plays"))
    verdict.places.append(_place("v_plays", plays, shown))
    if told:
        held, times = _told(wire)
        verdict.places.append(_place(PLAY_ENRICHED.name, plays, Counter(held)))
        verdict.replayed = sum(max(0, times[play.listener, play.id()] - play.records) for play in world.plays)

    expected = world.totals()
    found = {row[0]: (row[1], row[2], row[3]) for row in ch.query(_TOTALS)}
    for listener in expected.keys() | found.keys():
        if expected.get(listener) != found.get(listener):
            verdict.totals.append(
                f"listener {ids.to_hex(listener)}: plays, ms, counted are {found.get(listener)},"
                f" not {expected.get(listener)}"
            )
    return verdict


def _place(name: str, expected: set[Key], found: Counter[Key]) -> Place:
    return Place(name, expected - found.keys(), found - Counter(expected))


def _told(wire: Wire) -> tuple[set[Key], Counter[Key]]:
    """The plays that a reader of the topic holds at its end (the highest version, removals dropped), and how
    often each was told."""
    newest: dict[Key, tuple[int, bool]] = {}
    times: Counter[Key] = Counter()
    for message in wire.read(PLAY_ENRICHED):
        said: dict[str, Any] = msgspec.json.decode(message.value())
        key = int(said["listener"], 16), int(said["play_id"], 16)
        removed = said.get("removed", False)
        times[key] += not removed
        newest[key] = max(newest.get(key, (-1, False)), (said["version"], removed))
    return {key for key, (_, removed) in newest.items() if not removed}, times


def _examples(keys: set[Key]) -> str:
    shown = [f"{ids.to_hex(listener)}/{ids.to_hex(one)}" for listener, one in sorted(keys)[:_EXAMPLES]]
    return f"({', '.join(shown)})" if shown else ""
