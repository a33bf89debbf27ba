"""Windows: what people write, and the range of play ids that holds them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.windows import parse_window
from streams.contracts.errors import UserError
from streams.contracts.ids import play_id

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("90d", date(2026, 8, 25), TODAY),
        ("1d", TODAY, TODAY),
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-12", date(2025, 12, 1), date(2025, 12, 31)),
        ("2025-summer", date(2025, 6, 1), date(2025, 8, 31)),
        ("2023-Winter", date(2023, 12, 1), date(2024, 2, 29)),
        (" all ", None, None),
    ],
)
def test_what_people_write(text: str, first: date | None, last: date | None) -> None:
    window = parse_window(text, TODAY)
    assert (window.first, window.last) == (first, last)
    assert window.text == text.strip().lower()


def test_seasons_turn_over_in_the_south() -> None:
    assert parse_window("2025-summer", TODAY, "south").first == date(2025, 12, 1)
    assert parse_window("2025-winter", TODAY, "south").last == date(2025, 8, 31)


@pytest.mark.parametrize(
    "text", ["", "0d", "d", "25", "2025-13", "2025-fall", "90", "2025-1", "all;", "-5d", "999999d", "²d"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no window"):
        parse_window(text, TODAY)


@given(
    st.dates(date(2007, 1, 2), date(2090, 1, 1)),
    st.integers(0, 86_399),
    st.integers(0, 86_400 + 3600),
    st.sampled_from(["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Tokyo", "America/Los_Angeles", "UTC"]),
)
def test_play_ids_hold_every_play_of_the_window(day: date, second: int, seconds: int, zone: str) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(seconds=second)
    end = start.astimezone(UTC) + timedelta(seconds=seconds)
    low, high = parse_window(f"{day:%Y-%m}", TODAY).play_ids()
    assert low <= play_id(int(end.timestamp() * 1000), "uri", "", "") < high
