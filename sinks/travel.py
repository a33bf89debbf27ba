"""Trips of listeners: the days that their plays' countries show, and what they decided about each trip.

The rule that makes trips of days is streams/enrich/travel.py. A decision is kept by what was
proposed, so that nobody is asked twice; the zone history itself stands in `listeners`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sinks.clickhouse import ClickHouse
from sinks.times import next_version, now_ms, to_ms, to_time
from streams.contracts.ports import ZonePeriod
from streams.enrich.travel import Day, Trip, overlaps, trips_of

COLUMNS = (
    "listener", "country", "first", "version", "is_deleted", "last", "plays", "state", "zone", "starts", "ends",
    "decided_at",
)  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """What a listener said of a trip: from `starts` until `ends` they lived by `zone`, or "" where refused.

    Times are Unix milliseconds UTC.
    """

    trip: Trip
    state: Literal["accepted", "refused"]
    zone: str = ""
    starts: int = 0
    ends: int = 0


class Travel:
    """The table `travel`, and the days of `sightings`. Written by the API alone."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def proposed(self, listener: int, zones: tuple[ZonePeriod, ...]) -> list[Trip]:
        """Trips that nothing was decided about, newest first. `zones`: the listener's zone history."""
        decided = [one.trip for one in self.decided(listener)]
        return [
            trip
            for trip in reversed(trips_of(self.days(listener), zones))
            if not any(trip.country == one.country and overlaps(trip, one.first, one.last) for one in decided)
        ]

    def days(self, listener: int) -> list[Day]:
        """What the listener's sightings of every kind say, by UTC day and country."""
        rows = self._ch.query(
            # the start as far as it is known: local time is stamped from it, too
            "SELECT toUInt32(toDate(at)) AS day, country, count(), toUnixTimestamp64Milli(min(at)), "
            "toUnixTimestamp64Milli(max(ended_at)) FROM (SELECT country, ended_at, "
            "ifNull(started_at, ended_at - toIntervalMillisecond(ifNull(ms_played, 0))) AS at FROM sightings FINAL "
            "WHERE listener = {listener:UInt64} AND country != '') GROUP BY day, country ORDER BY day, country",
            {"listener": listener},
        )
        return [Day(*row) for row in rows]

    def decided(self, listener: int) -> list[Decision]:
        """What was decided, the newest trip first."""
        rows = self._ch.query(
            "SELECT country, first, last, plays, state, zone, starts, ends FROM travel FINAL "
            "WHERE listener = {listener:UInt64} ORDER BY first DESC, country",
            {"listener": listener},
        )
        return [
            Decision(Trip(country, to_ms(first), to_ms(last), plays), state, zone, to_ms(starts), to_ms(ends))
            for country, first, last, plays, state, zone, starts, ends in rows
        ]

    def countries_kept(self, listener: int) -> bool:
        """Whether sightings are stored with the country of a play."""
        told = "SELECT count() FROM corrections FINAL WHERE listener = {listener:UInt64} AND kind = 'country'"
        return not self._ch.scalar(told, {"listener": listener})

    def decide(self, listener: int, decision: Decision) -> None:
        """Remember it; it replaces an earlier one about the same trip."""
        self._write(listener, decision, is_deleted=0)

    def take_back(self, listener: int, decision: Decision) -> None:
        """Forget it: the trip is proposed again."""
        self._write(listener, decision, is_deleted=1)

    def _write(self, listener: int, decision: Decision, *, is_deleted: int) -> None:
        trip = decision.trip
        newest = self._ch.scalar("SELECT max(version) FROM travel WHERE listener = {l:UInt64}", {"l": listener})
        row = (
            listener, trip.country, to_time(trip.first), next_version(newest or 0), is_deleted, to_time(trip.last),
            trip.plays, decision.state, decision.zone, to_time(decision.starts), to_time(decision.ends),
            to_time(now_ms()),
        )  # fmt: skip
        self._ch.insert("travel", COLUMNS, [row])
