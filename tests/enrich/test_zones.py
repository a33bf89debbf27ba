from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.errors import UserError
from streams.enrich.zones import check_zone, hemisphere_of, offsets

ALL = sorted(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())
ALL.remove("Factory")


def test_every_zone_is_good_and_its_offsets_are_those_of_the_standard_library() -> None:
    step = timedelta(hours=37)
    for zone in ALL:
        table, info, at = offsets(zone, 2010, 2012), ZoneInfo(zone), datetime(2010, 1, 1, tzinfo=UTC)
        moments = [at + i * step for i in range(700)]
        seconds = np.array([int(moment.timestamp()) for moment in moments])
        got = table.seconds[np.searchsorted(table.changes, seconds, side="right")]
        expected = [int(m.astimezone(info).utcoffset().total_seconds()) for m in moments]  # type: ignore[union-attr]
        assert got.tolist() == expected, zone


@pytest.mark.parametrize(
    "zone",
    ["Africa/Casablanca", "Africa/Freetown", "America/Noronha", "Asia/Gaza", "Europe/Berlin", "Africa/Monrovia"],
)
def test_no_change_lies_between_two_probes(zone: str) -> None:
    """By the hour, over the years in which these zones changed most often and most oddly."""
    first, last = (1936, 1942) if zone == "Africa/Freetown" else (1999, 2002)
    if zone == "Africa/Monrovia":  # -0:44:30 until 1972
        first, last = 1971, 1973
    start = int(datetime(first, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(last + 1, 1, 1, tzinfo=UTC).timestamp())
    seconds = np.arange(start, end, 3600)
    table, info = offsets(zone, first, last), ZoneInfo(zone)
    expected = [
        int(datetime.fromtimestamp(s, UTC).astimezone(info).utcoffset().total_seconds())  # type: ignore[union-attr]
        for s in seconds.tolist()
    ]
    assert table.seconds[np.searchsorted(table.changes, seconds, side="right")].tolist() == expected


def test_a_change_is_exact_to_the_second() -> None:
    table = offsets("Europe/Berlin", 2025, 2025)
    assert [datetime.fromtimestamp(s, UTC) for s in table.changes.tolist()] == [
        datetime(2025, 3, 30, 1, tzinfo=UTC),
        datetime(2025, 10, 26, 1, tzinfo=UTC),
    ]
    assert table.seconds.tolist() == [3600, 7200, 3600]


@pytest.mark.parametrize(
    ("zone", "half"),
    [
        ("Europe/Berlin", "north"), ("Europe/Oslo", "north"), ("America/New_York", "north"),
        ("US/Pacific", "north"), ("Asia/Calcutta", "north"), ("Asia/Kolkata", "north"),
        ("Australia/Sydney", "south"), ("NZ", "south"), ("Pacific/Chatham", "south"),
        ("America/Sao_Paulo", "south"), ("Brazil/East", "south"), ("Chile/EasterIsland", "south"),
        ("America/Argentina/Buenos_Aires", "south"), ("America/Buenos_Aires", "south"),
        ("Africa/Johannesburg", "south"), ("Africa/Nairobi", "south"), ("Antarctica/South_Pole", "south"),
        ("UTC", "north"), ("Etc/GMT+3", "north"),
    ],
)  # fmt: skip
def test_the_hemisphere_follows_from_the_coordinates(zone: str, half: str) -> None:
    assert hemisphere_of(zone) == half


def test_every_zone_of_a_place_has_a_hemisphere_of_its_own_and_not_by_default() -> None:
    from streams.enrich.zones import _latitudes, _links

    def placed(zone: str) -> bool:
        while zone not in _latitudes() and zone in _links():
            zone = _links()[zone]
        return zone in _latitudes()

    lost = [zone for zone in ALL if "/" in zone and not zone.startswith("Etc/") and not placed(zone)]
    assert lost == []


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("Europe/Berln", "Europe/Berlin"),
        ("CEST", "IANA"),
        ("Europe", "IANA"),
        ("", "IANA"),
        ("../../etc/passwd", "IANA"),
        ("localtime", "IANA"),
    ],
)
def test_a_wrong_name_is_told_with_its_cure(wrong: str, cure: str) -> None:
    with pytest.raises(UserError, match=re.escape(repr(wrong))) as caught:
        check_zone(wrong)
    assert cure in caught.value.cure
    assert "\n" not in caught.value.one_line()


@given(st.text(max_size=200))
def test_any_text_is_a_zone_or_a_user_error(text: str) -> None:
    try:
        assert check_zone(text) in ALL
    except UserError as error:
        assert error.cure
