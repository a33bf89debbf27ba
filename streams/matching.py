"""One component of sightings -> its plays, for the few components that have three sightings or more.

The rule and its words (unit, cluster, anchor) are those of streams/identity.py. Everything is sorted
by (second, id) first, so equal sets give equal plays; ids are unique.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

WINDOW = 90  # seconds between the ends of two sightings of one play, at most
APART = 30  # seconds between two duplicates of one source, less than

_PAIR = 1 << 40  # one pair more is worth more than any sum of distances
_SKIP_UNIT, _SKIP_CLUSTER, _MATCH = range(3)


class Member(NamedTuple):
    """A sighting as the rule sees it. `second` is Unix seconds UTC; -1 is an unknown `ms_played` or key."""

    row: int
    rank: int
    second: int
    sighting: int
    ms_played: int
    uri: int
    name: int
    candidate: int


@dataclass
class Group:
    """A unit, or a cluster: its members, the first of which is the anchor."""

    members: list[Member]
    uris: set[int] = field(default_factory=set)
    names: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for member in self.members:
            self._learn(member)

    @property
    def anchor(self) -> Member:
        """The sighting that distances are measured to."""
        return self.members[0]

    def add(self, members: Sequence[Member]) -> None:
        """Take members in; the anchor stays."""
        self.members.extend(members)
        for member in members:
            self._learn(member)

    def shares_key(self, other: Group) -> bool:
        """Whether any key of one is a key of the other."""
        return not (self.uris.isdisjoint(other.uris) and self.names.isdisjoint(other.names))

    def _learn(self, member: Member) -> None:
        if member.uri >= 0:
            self.uris.add(member.uri)
        if member.name >= 0:
            self.names.add(member.name)


def cluster(members: Sequence[Member]) -> list[list[Member]]:
    """The plays of one component, each as the sightings that show it; earliest anchor first."""
    clusters: list[Group] = []
    ordered = sorted(members, key=lambda member: (member.rank, member.second, member.sighting))
    for _, of_source in groupby(ordered, key=lambda member: member.rank):
        units = _units(of_source)
        matched = dict(_match(units, clusters))
        for number, unit in enumerate(units):
            if number in matched:
                clusters[matched[number]].add(unit.members)
        clusters += [unit for number, unit in enumerate(units) if number not in matched]
        clusters.sort(key=lambda group: (group.anchor.second, group.anchor.sighting))
    return _one_per_id(clusters)


def _units(members: Iterable[Member]) -> list[Group]:
    """One source's sightings, sorted by (second, id), without its own duplicates."""
    units: list[Group] = []
    for member in members:
        alone = Group([member])
        for unit in reversed(units):
            apart = member.second - unit.anchor.second
            if apart >= APART:
                units.append(alone)
                break
            if unit.shares_key(alone) and _repeats(unit.anchor, member, apart):
                unit.add([member])
                break
        else:
            units.append(alone)
    return units


def _repeats(anchor: Member, member: Member, apart: int) -> bool:
    """Whether a source said the same play twice: two real ones cannot end closer than they lasted."""
    same_length = anchor.ms_played >= 0 and anchor.ms_played == member.ms_played
    return apart == 0 or (same_length and apart * 1000 < anchor.ms_played)


def _match(units: Sequence[Group], clusters: Sequence[Group]) -> Iterator[tuple[int, int]]:
    """Pairs (unit, cluster) without crossing: most pairs, then the least sum of distances.

    Dynamic programming over prefixes of both, each sorted by its anchor. Only clusters within
    WINDOW of a unit can be its partner, so a row holds only those: a loop of a thousand plays
    costs a thousand short rows. Equal sums are decided by the order of the three steps below.
    """
    rows: list[tuple[int, list[int]]] = []  # first prefix length of the row, the step taken at each
    before, before_from = [0], 0
    low = high = 0
    for unit in units:
        at = unit.anchor.second
        while low < len(clusters) and clusters[low].anchor.second < at - WINDOW:
            low += 1
        high = max(high, low)
        while high < len(clusters) and clusters[high].anchor.second <= at + WINDOW:
            high += 1
        best = [before[min(low - before_from, len(before) - 1)]]
        steps = [_SKIP_UNIT]
        for prefix in range(low + 1, high + 1):
            partner = clusters[prefix - 1]
            step, value = _SKIP_UNIT, before[min(prefix - before_from, len(before) - 1)]
            if best[-1] > value:
                step, value = _SKIP_CLUSTER, best[-1]
            if unit.shares_key(partner):
                paired = before[min(prefix - 1 - before_from, len(before) - 1)]
                paired += _PAIR - abs(at - partner.anchor.second)
                if paired > value:
                    step, value = _MATCH, paired
            best.append(value)
            steps.append(step)
        rows.append((low, steps))
        before, before_from = best, low

    prefix = len(clusters)
    for number in range(len(units) - 1, -1, -1):
        first, steps = rows[number]
        prefix = min(prefix, first + len(steps) - 1)
        while steps[prefix - first] == _SKIP_CLUSTER:
            prefix -= 1
        if steps[prefix - first] == _MATCH:
            prefix -= 1
            yield number, prefix


def _one_per_id(clusters: Iterable[Group]) -> list[list[Member]]:
    """Clusters whose earliest sightings would give one id are one play: the same second and track."""
    plays: dict[int, list[Member]] = {}
    for group in clusters:
        earliest = min(group.members, key=lambda member: (member.second, member.rank, member.sighting))
        plays.setdefault(earliest.candidate, []).extend(group.members)
    return list(plays.values())
