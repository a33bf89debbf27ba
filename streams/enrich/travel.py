"""Where a listener was: trips that the countries of their plays show, to be asked about. Pure.

An export says of each play from which country it came (`conn_country`), by the address that was seen:
the country of a hotel, but also that of a VPN or of a phone's home network. So one play tells nothing.
A day belongs to the country of most of its plays; days of one country that follow each other are a
stay; and a stay away from home is a trip when it has at least ENOUGH plays over at least a day.
Home is the country of the zone that the listener lived by then, so whatever the zone history says
already is never proposed again. A trip on which the clock and the season are those of home changes
nothing and is not proposed either.

Days are UTC days here: they only group plays. A country with several clocks is not guessed.
Times are Unix milliseconds UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from streams.contracts.ports import ZonePeriod
from streams.enrich.zones import Place, country_of, hemisphere_of, offsets, places_of

ENOUGH = 10  # plays of a trip
LONG_ENOUGH = 86_400_000  # from the start of its first play to the end of its last one
ODD = 3  # fewer plays than this in a row of days are odd ones, in the midst of another stay
MINUTE = 60_000


class Day(NamedTuple):
    """A listener's plays of one UTC day in one country (two capital letters)."""

    day: int  # since 1970
    country: str
    plays: int
    first: int  # start of the first one
    last: int  # end of the last one


class Trip(NamedTuple):
    """A stay in another country than home: `first` and `last` are whole minutes round its plays."""

    country: str
    first: int
    last: int
    plays: int

    @property
    def name(self) -> str:
        """What it is called outside, such as JP-2024-07-01: no other trip of a listener begins on that day."""
        return f"{self.country}-{datetime.fromtimestamp(self.first / 1000, UTC):%Y-%m-%d}"


class _Stay(NamedTuple):
    away: str  # the country; "" at home
    days: tuple[Day, ...]

    @property
    def plays(self) -> int:
        return sum(day.plays for day in self.days)

    @property
    def is_long(self) -> bool:
        return self.days[-1].last - self.days[0].first >= LONG_ENOUGH


def trips_of(days: Sequence[Day], zones: Sequence[ZonePeriod]) -> list[Trip]:
    """The trips of one listener, oldest first, who lived by `zones` (ascending, the first from 1970)."""
    by_day: dict[int, list[Day]] = {}
    for day in sorted(days):
        by_day.setdefault(day.day, []).append(day)
    plays = Counter[str]()
    for day in days:
        plays[day.country] += day.plays
    usual = max(plays, key=lambda country: (plays[country], country), default="")  # for zones in no country

    def away(day: Day) -> str:
        home = country_of(zone_at(zones, day.first)) or usual
        return "" if day.country == home else day.country

    chief = [max(there, key=lambda day: (day.plays, day.country)) for there in by_day.values()]
    stays = _joined(_Stay(away(day), (day,)) for day in chief)
    stays = _joined(stay for stay in stays if stay.plays >= ODD)
    # nobody goes home for less than a day: the phone was in its home network, or a VPN was on
    stays = _joined(stay for stay in stays if stay.is_long and (not stay.away or stay.plays >= ENOUGH))
    found = [_trip(stay, by_day) for stay in stays if stay.away]
    return [trip for trip in found if _matters(trip, zone_at(zones, trip.first))]


def clocks_of(trip: Trip) -> tuple[tuple[Place, ...], ...]:
    """The zones of the trip's country, those together that agree in clock and season during the trip.

    One group: its first is the zone. Several: the listener has to say; the group with the most zones comes
    first. None: the country is not known.
    """
    groups: dict[object, list[Place]] = {}
    for place in places_of(trip.country):
        groups.setdefault(_clock(place.zone, trip), []).append(place)
    return tuple(tuple(group) for group in sorted(groups.values(), key=len, reverse=True))


def overlaps(trip: Trip, first: int, last: int) -> bool:
    """Whether at least half of the trip lies in that time: it is the one that was decided about then."""
    return 2 * (min(trip.last, last) - max(trip.first, first)) >= trip.last - trip.first


def zone_at(zones: Sequence[ZonePeriod], moment: int) -> str:
    """The zone of a history (ascending, the first from 1970) at a moment."""
    return next((period.zone for period in reversed(zones) if period.starts <= moment), zones[0].zone)


def with_stay(zones: Sequence[ZonePeriod], zone: str, first: int, last: int) -> tuple[ZonePeriod, ...]:
    """The zone history with `zone` from `first` until `last`, and after it what held at that moment before."""
    kept = {period.starts: period.zone for period in zones if not first <= period.starts <= last}
    kept |= {first: zone, last: zone_at(zones, last)}
    found: list[ZonePeriod] = []
    for starts, name in sorted(kept.items()):
        if not found or found[-1].zone != name:
            found.append(ZonePeriod(starts, name))
    return tuple(found)


def _joined(stays: Iterable[_Stay]) -> list[_Stay]:
    """Stays in the same country that follow each other, as one."""
    return [
        _Stay(away, tuple(day for stay in group for day in stay.days))
        for away, group in groupby(stays, key=attrgetter("away"))
    ]


def _trip(stay: _Stay, by_day: dict[int, list[Day]]) -> Trip:
    """The trip of a stay, with the evening of arrival and the morning of departure where those stand apart."""
    first, last, plays = stay.days[0].first, stay.days[-1].last, stay.plays
    for at, leaving in ((stay.days[0].day - 1, False), (stay.days[-1].day + 1, True)):
        there = [day for day in by_day.get(at, ()) if day.country == stay.away]
        others = [day for day in by_day.get(at, ()) if day.country != stay.away]
        for day in there:
            if leaving and all(day.last <= other.first for other in others):
                last, plays = day.last, plays + day.plays
            elif not leaving and all(other.last <= day.first for other in others):
                first, plays = day.first, plays + day.plays
    return Trip(stay.away, first // MINUTE * MINUTE, -(-last // MINUTE) * MINUTE, plays)


def _matters(trip: Trip, home: str) -> bool:
    return any(_clock(group[0].zone, trip) != _clock(home, trip) for group in clocks_of(trip))


def _clock(zone: str, trip: Trip) -> object:
    """What a zone does to the plays of a trip: its offsets from UTC, when they change, and the hemisphere."""
    years = [datetime.fromtimestamp(moment / 1000, UTC).year for moment in (trip.first, trip.last)]
    told = offsets(zone, years[0], years[1])
    begins, ends = np.searchsorted(told.changes, [trip.first // 1000, trip.last // 1000], side="right")
    return (*told.changes[begins:ends].tolist(), *told.seconds[begins : ends + 1].tolist(), hemisphere_of(zone))
