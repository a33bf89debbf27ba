"""Windows of local days, as people write them: 90d, 2025, 2025-03, 2025-summer, all.

Days are the listener's local days, those stamped on each play as `local_date`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from streams.contracts.errors import UserError
from streams.contracts.ids import first_play_id_at

# first month; each season is three months long (meteorological)
NORTH = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
SOUTH = {"spring": 9, "summer": 12, "autumn": 3, "winter": 6}

DAYS = re.compile(r"([1-9][0-9]{0,4})d")
YEAR = re.compile(r"(2[0-9]{3})")
MONTH = re.compile(r"(2[0-9]{3})-(0[1-9]|1[0-2])")
SEASON = re.compile(r"(2[0-9]{3})-(spring|summer|autumn|winter)")

# A local day begins up to 14 h before the UTC day of its name and ends up to 12 h after it, and
# a play counts for the day that it began on but is ordered by its end, at most a day later.
BEFORE = timedelta(days=1)
AFTER = timedelta(days=3)


@dataclass(frozen=True)
class Window:
    """Local days from `first` to `last`, both inside; None is open."""

    text: str
    first: date | None
    last: date | None

    def play_ids(self) -> tuple[int, int]:
        """A range of play ids, upper end excluded, that holds every play of the window, and a few days more.

        It is a range of the primary key and so spares reading the rest; `local_date` then decides.
        """
        low = first_play_id_at(_ms(self.first - BEFORE)) if self.first else 0
        high = first_play_id_at(_ms(self.last + AFTER)) if self.last else 2**64 - 1
        return low, high


def parse_window(text: str, today: date, hemisphere: str = "north") -> Window:
    """A window from its text. `today` is the listener's local day; seasons are those of `hemisphere`.

    A season is named by the year in which it begins: 2025-winter in the north ends in February 2026.
    Raises UserError for any other text.
    """
    plain = text.strip().lower()
    if plain == "all":
        return Window(plain, None, None)
    if found := DAYS.fullmatch(plain):
        days = int(found[1])
        return Window(plain, today - timedelta(days=days - 1), today)
    if found := YEAR.fullmatch(plain):
        return Window(plain, date(int(found[1]), 1, 1), date(int(found[1]), 12, 31))
    if found := MONTH.fullmatch(plain):
        return _months(plain, int(found[1]), int(found[2]), 1)
    if found := SEASON.fullmatch(plain):
        return _months(plain, int(found[1]), (SOUTH if hemisphere == "south" else NORTH)[found[2]], 3)
    raise UserError(
        f"{text[:40]!r} is no window.", cure="Use 90d, a year (2025), a month (2025-03), a season (2025-summer) or all."
    )


def _months(text: str, year: int, month: int, count: int) -> Window:
    after = year * 12 + month - 1 + count
    return Window(text, date(year, month, 1), date(after // 12, after % 12 + 1, 1) - timedelta(days=1))


def _ms(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)
