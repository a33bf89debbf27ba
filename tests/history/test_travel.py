"""Trips from the countries of plays: what is one, what is none, and what the clock makes of it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from streams.contracts.ports import ZonePeriod
from streams.enrich.travel import Day, Trip, clocks_of, overlaps, trips_of, with_stay, zone_at
from streams.enrich.zones import country_of, places_of

LISBON = (ZonePeriod(0, "Europe/Lisbon"),)
START = datetime(2025, 4, 1, tzinfo=UTC)
HOUR = 3_600_000


def at(day: float, hour: float = 0) -> int:
    return int((START + timedelta(days=day, hours=hour)).timestamp() * 1000)


def day(number: int, country: str, plays: int, first: float = 8, last: float = 22) -> Day:
    return Day(at(number) // 86_400_000, country, plays, at(number, first), at(number, last))


def stay(country: str, first: int, last: int, plays: int = 5) -> list[Day]:
    return [day(number, country, plays) for number in range(first, last)]


def names(days: list[Day], zones: tuple[ZonePeriod, ...] = LISBON) -> list[str]:
    return [f"{trip.name} {trip.plays}" for trip in trips_of(days, zones)]


def test_a_stay_away_is_a_trip_with_its_first_and_last_moment() -> None:
    days = [*stay("PT", 0, 10), *stay("JP", 10, 14), *stay("PT", 14, 20)]
    assert trips_of(days, LISBON) == [Trip("JP", at(10, 8), at(13, 22), 20)]
    assert [[place.zone for place in group] for group in clocks_of(trips_of(days, LISBON)[0])] == [["Asia/Tokyo"]]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param([day(5, "JP", 1)], id="a single play on a day of others"),
        pytest.param([day(30, "JP", 1)], id="a single play on a day of its own"),
        pytest.param([day(30, "JP", 40)], id="many plays within a day"),
        pytest.param(stay("JP", 30, 34, plays=2), id="too few plays in days"),
        pytest.param([day(n, "JP", 1) for n in range(30)], id="a few of every day's plays through a VPN"),
        pytest.param(stay("ZZ", 30, 40), id="a country that is none"),
    ],
)
def test_odd_plays_are_no_trip(odd: list[Day]) -> None:
    assert names([*stay("PT", 0, 30), *odd, *stay("PT", 40, 50)]) == []


def test_odd_plays_do_not_break_a_trip_in_two() -> None:
    away = [day(n, "JP", 5) for n in range(10, 20) if n != 14]
    vpn, roaming = [day(14, "US", 1)], [day(17, "PT", 9), day(14, "PT", 4)]
    days = [*stay("PT", 0, 10), *away, *stay("PT", 20, 30)]
    for among in ([], vpn, roaming):
        found = trips_of([*days, *among], LISBON)
        assert [(trip.country, trip.first, trip.last) for trip in found] == [("JP", at(10, 8), at(19, 22))]


def test_two_trips_with_days_at_home_between_are_two() -> None:
    days = [*stay("PT", 0, 5), *stay("JP", 5, 9), *stay("PT", 9, 12), *stay("JP", 12, 16), *stay("BR", 16, 20)]
    assert names(days) == ["JP-2025-04-06 20", "JP-2025-04-13 20", "BR-2025-04-17 20"]


def test_the_evening_of_arrival_and_the_morning_of_departure_belong_to_it() -> None:
    days = [*stay("PT", 0, 9), day(9, "PT", 20, 6, 12), day(9, "JP", 2, 20, 23), *stay("JP", 10, 14)]
    days += [day(14, "JP", 3, 1, 4), day(14, "PT", 9, 16, 23), *stay("PT", 15, 20)]
    assert trips_of(days, LISBON) == [Trip("JP", at(9, 20), at(14, 4), 25)]
    mixed = [one._replace(last=at(14, 20)) if one == day(14, "JP", 3, 1, 4) else one for one in days]
    assert trips_of(mixed, LISBON)[0].last == at(13, 22), "plays among those of home do not tell when it ended"


def test_home_is_what_the_zone_history_says() -> None:
    days = [*stay("PT", 0, 10), *stay("JP", 10, 14), *stay("PT", 14, 20)]
    (trip,) = trips_of(days, LISBON)
    accepted = with_stay(LISBON, "Asia/Tokyo", trip.first, trip.last)
    assert trips_of(days, accepted) == []
    assert names(days, (ZonePeriod(0, "Asia/Tokyo"),)) == ["PT-2025-04-01 50", "PT-2025-04-15 30"]
    assert names(days, (ZonePeriod(0, "UTC"),)) == ["JP-2025-04-11 20"], "a zone in no country: where most plays are"
    assert names(days, (ZonePeriod(0, "Japan"),)) == names(days, (ZonePeriod(0, "Asia/Tokyo"),)), "an alias"


def test_a_trip_with_the_clock_and_season_of_home_changes_nothing() -> None:
    days = [*stay("DE", 0, 10), *stay("AT", 10, 20), *stay("DE", 20, 30)]
    assert names(days, (ZonePeriod(0, "Europe/Berlin"),)) == []
    south = [*stay("DE", 90, 100), *stay("ZA", 100, 110)]  # in July both are at UTC+2, and it is winter there
    assert names(south, (ZonePeriod(0, "Europe/Berlin"),)) == ["ZA-2025-07-10 50"]


@pytest.mark.parametrize("country", ["US", "RU", "BR", "AU", "CA", "MX", "ID"])
def test_a_country_with_several_clocks_is_asked(country: str) -> None:
    (trip,) = trips_of([*stay("PT", 0, 10), *stay(country, 10, 14)], LISBON)
    clocks = clocks_of(trip)
    assert len(clocks) > 2
    assert sorted(place for group in clocks for place in group) == sorted(places_of(country)), "each zone is named"
    assert [len(group) for group in clocks] == sorted((len(group) for group in clocks), reverse=True)


def test_zones_of_a_country_that_agree_during_the_trip_are_one_clock() -> None:
    america = [[place.zone for place in group] for group in clocks_of(Trip("US", at(0), at(9), 9))]
    assert america[0][:2] == ["America/New_York", "America/Detroit"]
    assert ["America/Phoenix"] not in america, "in April Arizona has the clock of California"
    winter = [[place.zone for place in group] for group in clocks_of(Trip("US", at(250), at(259), 9))]
    assert any("America/Phoenix" in group and "America/Denver" in group for group in winter)
    assert [[place.zone for place in group] for group in clocks_of(Trip("DE", at(0), at(9), 9))] == [
        ["Europe/Berlin", "Europe/Busingen"]
    ]
    assert clocks_of(Trip("ZZ", at(0), at(9), 9)) == ()


def test_countries_of_zones() -> None:
    assert country_of("Europe/Lisbon") == "PT" and country_of("US/Pacific") == "US" and country_of("UTC") == ""
    assert places_of("PT")[0].zone == "Europe/Lisbon"


def test_half_of_a_trip_is_that_trip() -> None:
    trip = Trip("JP", at(0), at(10), 50)
    assert overlaps(trip, at(4), at(12)) and overlaps(trip, at(0), at(5))
    assert not overlaps(trip, at(6), at(12)) and not overlaps(trip, at(20), at(30))


def test_a_stay_in_a_zone_history_and_out_of_it_again() -> None:
    chance = random.Random(7)
    for _ in range(300):
        moves = sorted(chance.sample(range(1, 50), chance.randint(0, 4)))
        places = ["Europe/Lisbon", "Asia/Tokyo", "America/Bogota", "UTC"]
        zones: tuple[ZonePeriod, ...] = (ZonePeriod(0, "Europe/Lisbon"),)
        for move in moves:
            where = chance.choice([one for one in places if one != zones[-1].zone])
            zones = (*zones, ZonePeriod(at(move), where))
        first = chance.uniform(1, 50)
        begins, ends = at(first), at(first + chance.uniform(0.1, 9))
        made = with_stay(zones, "Asia/Kolkata", begins, ends)
        assert [one.starts for one in made] == sorted({one.starts for one in made})
        assert all(one.zone != other.zone for one, other in pairwise(made))
        for moment in range(0, 60 * 24, 7):
            there = at(0, moment)
            assert zone_at(made, there) == ("Asia/Kolkata" if begins <= there < ends else zone_at(zones, there))
        if not any(begins <= one.starts <= ends for one in zones):
            assert with_stay(made, zone_at(made, begins - 1), begins, ends) == zones
