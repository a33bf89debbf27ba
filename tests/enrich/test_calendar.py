from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts.errors import UserError
from streams.contracts.ports import ListenerSettings, ZonePeriod
from streams.contracts.tables import PLAYS
from streams.enrich.calendar import LocalTime, local_time, local_times
from streams.enrich.zones import offsets

# both hemispheres, half hours and three quarters, a half-hour DST, a skipped day, Ramadan, none at all
ZONES = (
    "Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/Los_Angeles", "America/St_Johns",
    "America/Sao_Paulo", "America/Santiago", "America/Caracas", "America/Havana", "America/Asuncion", "Asia/Kolkata",
    "Asia/Kathmandu", "Asia/Tehran", "Asia/Gaza", "Asia/Pyongyang", "Asia/Tokyo", "Australia/Adelaide",
    "Australia/Lord_Howe", "Australia/Eucla", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia",
    "Pacific/Kiritimati", "Pacific/Marquesas", "Africa/Casablanca", "Africa/Johannesburg", "Africa/Monrovia",
    "Antarctica/Troll", "Atlantic/Azores", "US/Pacific", "NZ", "UTC", "Etc/GMT-14",
)  # fmt: skip
SOUTH = {
    "America/Sao_Paulo", "America/Santiago", "America/Asuncion", "Australia/Adelaide", "Australia/Lord_Howe",
    "Australia/Eucla", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Pacific/Marquesas", "NZ",
    "Africa/Johannesburg", "Antarctica/Troll", "Australia/Sydney",
}  # fmt: skip
NORTHERN = ("winter", "spring", "summer", "autumn")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = tuple[int, int, int, int, str, str]


def expected(ms: int, zone: str, hemisphere: str = "") -> Row:
    """The same by the standard library, one row at a time."""
    local = (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone))
    offset = local.utcoffset()
    assert offset is not None
    season = local.month % 12 // 3
    south = hemisphere == "south" or (not hemisphere and zone in SOUTH)
    return (
        (local.date() - date(1970, 1, 1)).days,
        local.hour,
        local.isoweekday(),
        int(offset.total_seconds()) // 60,
        zone,
        NORTHERN[(season + 2) % 4] if south else NORTHERN[season],
    )


def rows(found: LocalTime) -> list[Row]:
    return list(
        zip(
            found.local_date.tolist(), found.local_hour.tolist(), found.weekday.tolist(),
            found.utc_offset_minutes.tolist(), found.time_zone.to_pylist(), found.season.to_pylist(), strict=True,
        )
    )  # fmt: skip


@cache
def edges(zone: str) -> list[int]:
    """Unix ms of the zone's changes of offset between 2006 and 2040, or of its years' ends."""
    found = [int(second) * 1000 for second in offsets(zone, 2006, 2040).changes]
    return found or [int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000 for year in range(2006, 2041)]


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 999), st.integers(-3 * 3_600_000, 3 * 3_600_000))
def test_at_the_edges_of_daylight_saving_time_it_is_the_standard_library(zone: str, which: int, near: int) -> None:
    edge = edges(zone)[which % len(edges(zone))]
    ms = [edge + away for away in (near, -1000, -1, 0, 1, 999, 1000)]
    assert rows(local_time(np.array(ms, np.int64), [ZonePeriod(0, zone)])) == [expected(one, zone) for one in ms]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(1_136_073_600_000, 4_294_967_295_000), min_size=1, max_size=50),
    st.sampled_from(ZONES),
    st.sampled_from(["", "north", "south"]),
)
def test_at_any_time_it_is_the_standard_library(ms: list[int], zone: str, hemisphere: str) -> None:
    found = local_time(np.array(ms, np.int64), [ZonePeriod(0, zone)], hemisphere)  # type: ignore[arg-type]
    assert rows(found) == [expected(one, zone, hemisphere) for one in ms]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-2_208_988_800_000, 100_000_000_000), min_size=1, max_size=20))
def test_offsets_of_old_with_seconds_are_right_to_the_second(ms: list[int]) -> None:
    for zone in ("Africa/Monrovia", "Europe/Amsterdam", "America/Sao_Paulo"):
        assert rows(local_time(np.array(ms, np.int64), [ZonePeriod(0, zone)])) == [expected(m, zone) for m in ms]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_many_listeners_with_travel_at_once(data: st.DataObject) -> None:
    instants = st.integers(1_136_073_600_000, 2_000_000_000_000)
    histories = {}
    for listener in range(1, data.draw(st.integers(2, 5))):
        starts = [0, *sorted(data.draw(st.lists(instants, max_size=3, unique=True)))]
        histories[listener] = ListenerSettings(
            listener=listener,
            name=str(listener),
            zones=tuple(ZonePeriod(start, data.draw(st.sampled_from(ZONES))) for start in starts),
            hemisphere=data.draw(st.sampled_from(("", "north", "south"))),
        )
    plays = data.draw(st.lists(st.tuples(st.sampled_from(sorted(histories)), instants), max_size=30))
    journeys = [(one, period.starts) for one, known in histories.items() for period in known.zones[1:]]
    plays += [(one, starts - early) for one, starts in journeys for early in (0, 1)]
    whose = np.array([listener for listener, _ in plays], np.uint64)
    found = local_times(np.array([ms for _, ms in plays], np.int64), whose, histories)
    wanted = []
    for listener, ms in plays:
        zone = [period.zone for period in histories[listener].zones if period.starts <= ms][-1]
        wanted.append(expected(ms, zone, histories[listener].hemisphere))
    assert rows(found) == wanted
    for listener, known in histories.items():
        mine = np.flatnonzero(whose == listener)
        alone = local_time(np.array([plays[i][1] for i in mine], np.int64), known.zones, known.hemisphere)
        assert rows(alone) == [wanted[i] for i in mine]


# half an hour of daylight saving, a day that never was, Ramadan, two hours at once, changes of the law
ODD = (
    "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll", "Asia/Kolkata", "America/Caracas",
    "Asia/Pyongyang", "Europe/Istanbul", "Europe/Volgograd", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Chatham",
    "America/Godthab", "Asia/Gaza", "Australia/Sydney", "America/New_York", "Europe/Berlin", "America/Santiago",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20_261_122, 20_261_132))
def test_journeys_that_begin_in_gaps_and_folds(seed: int) -> None:
    """1,000 listeners whose periods begin at, or within an hour of, a change of their old or new zone."""
    print("seed", seed)  # noqa: T201
    random = Random(seed)
    hemispheres: tuple[Literal["", "north", "south"], ...] = ("", "", "north", "south")
    histories: dict[int, ListenerSettings] = {}
    plays: list[tuple[int, int]] = []
    for listener in range(1, 101):
        zones = [random.choice(ODD) for _ in range(random.randint(1, 5))]
        moves = sorted(
            {random.choice(edges(zone)) + random.choice((-3_600_000, -1, 0, 1, 1_799_999, 3_599_999)) for zone in zones}
        )
        histories[listener] = ListenerSettings(
            listener=listener,
            name=str(listener),
            zones=tuple(map(ZonePeriod, [0, *moves[1:]], zones)),
            hemisphere=random.choice(hemispheres),
        )
        near = [*moves, *(edge for zone in zones for edge in random.sample(edges(zone), 2))]
        plays += [(listener, edge + random.choice((-1, 0, 1, 999, -1800_000, 1800_000))) for edge in near]
    random.shuffle(plays)
    whose = np.array([listener for listener, _ in plays], np.uint64)
    found = rows(local_times(np.array([ms for _, ms in plays], np.int64), whose, histories))
    for (listener, ms), row in zip(plays, found, strict=True):
        zone = [period.zone for period in histories[listener].zones if period.starts <= ms][-1]
        assert row == expected(ms, zone, histories[listener].hemisphere), (seed, listener, ms, zone)


def test_periods_beyond_the_bits_of_the_search() -> None:
    far = 2**44 + 5  # the year 2527
    known = {
        one: ListenerSettings(
            listener=one, name="", zones=(ZonePeriod(0, "UTC"), ZonePeriod(1000, "Asia/Tokyo"), ZonePeriod(far, "NZ"))
        )
        for one in (1, 2**64 - 1)
    }
    whose = np.array([1, 2**64 - 1] * 4, np.uint64)
    ms = np.array([-5, -5, 999, 999, 1000, 1000, far - 9000, far - 9000], np.int64)
    assert local_times(ms, whose, known).time_zone.to_pylist() == ["UTC"] * 4 + ["Asia/Tokyo"] * 4


def test_a_zone_that_nobody_is_in_need_not_exist() -> None:
    gone = ListenerSettings(listener=1, name="", zones=(ZonePeriod(0, "UTC"), ZonePeriod(10**12, "Mars/Olympus")))
    found = local_times(np.array([5], np.int64), np.array([1], np.uint64), {1: gone})
    assert found.time_zone.to_pylist() == ["UTC"]


def at(text: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([int(datetime.fromisoformat(text).timestamp() * 1000)], np.int64)


@pytest.mark.parametrize(
    ("instant", "zone", "local"),
    [
        ("2025-03-30T00:59:59+00:00", "Europe/Berlin", ("2025-03-30", 1, 7, 60, "spring")),
        ("2025-03-30T01:00:00+00:00", "Europe/Berlin", ("2025-03-30", 3, 7, 120, "spring")),  # 2 is skipped
        ("2025-10-26T00:30:00+00:00", "Europe/Berlin", ("2025-10-26", 2, 7, 120, "autumn")),
        ("2025-10-26T01:30:00+00:00", "Europe/Berlin", ("2025-10-26", 2, 7, 60, "autumn")),  # 2 comes again
        ("2024-12-31T18:20:00+00:00", "Asia/Kathmandu", ("2025-01-01", 0, 3, 345, "winter")),
        ("2025-01-15T12:00:00+00:00", "Australia/Sydney", ("2025-01-15", 23, 3, 660, "summer")),
        ("2025-08-31T14:00:00+00:00", "Australia/Sydney", ("2025-09-01", 0, 1, 600, "spring")),
        ("2011-12-30T10:00:00+00:00", "Pacific/Apia", ("2011-12-31", 0, 6, 840, "summer")),  # the 30th never was
        ("2025-07-01T00:00:00+00:00", "America/Sao_Paulo", ("2025-06-30", 21, 1, -180, "winter")),
    ],
)
def test_known_moments(instant: str, zone: str, local: tuple[str, int, int, int, str]) -> None:
    columns = local_time(at(instant), [ZonePeriod(0, zone)]).columns()
    assert (
        str(columns["local_date"][0]), columns["local_hour"][0].as_py(), columns["weekday"][0].as_py(),
        columns["utc_offset_minutes"][0].as_py(), columns["season"][0].as_py(),
    ) == local  # fmt: skip


def test_the_listeners_own_hemisphere_wins() -> None:
    december = at("2025-12-24T12:00:00+00:00")
    assert local_time(december, [ZonePeriod(0, "UTC")]).season.to_pylist() == ["winter"]
    assert local_time(december, [ZonePeriod(0, "UTC")], "south").season.to_pylist() == ["summer"]
    assert local_time(december, [ZonePeriod(0, "NZ")], "north").season.to_pylist() == ["winter"]


def test_before_the_first_period_the_first_zone_holds_and_without_any_it_is_utc() -> None:
    moment = at("2020-01-01T00:30:00+00:00")
    late = [ZonePeriod(int(moment[0]) + 1, "Asia/Tokyo")]
    assert local_time(moment, late).time_zone.to_pylist() == ["Asia/Tokyo"]
    assert local_time(moment, []).time_zone.to_pylist() == ["UTC"]


def test_no_rows_are_no_rows_with_the_types_of_the_table() -> None:
    for found in (local_time(np.array([], np.int64), [ZonePeriod(0, "UTC")]), local_times(
        np.array([], np.int64), np.array([], np.uint64), {}
    )):  # fmt: skip
        for name, column in found.columns().items():
            assert len(column) == 0
            assert column.type == PLAYS.field(name).type
    some = local_time(at("2020-01-01T00:30:00+00:00"), [ZonePeriod(0, "UTC")]).columns()
    assert {name: column.type for name, column in some.items()} == {name: PLAYS.field(name).type for name in some}
    assert isinstance(some["season"], pa.StringArray)


def test_an_unknown_zone_is_a_user_error() -> None:
    with pytest.raises(UserError, match="Mars/Olympus"):
        local_time(at("2020-01-01T00:30:00+00:00"), [ZonePeriod(0, "Mars/Olympus")])
