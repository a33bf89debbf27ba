"""When a listener listens: clock, week, calendar, streaks, sessions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sinks.reads.base import Reads
from sinks.reads.rows import DayRow, SessionRow, Sessions, Streak, Streaks, WeekRow
from sinks.rows import HourRow
from sinks.windows import Window

By = Literal["plays", "minutes"]

_STREAKS = """
SELECT min(day), max(day), toUInt32(count()) AS days FROM
(SELECT day, toUInt32(day) - row_number() OVER (ORDER BY day) AS run FROM {days} AS d)
GROUP BY run ORDER BY max(day) DESC"""

# Sittings that two local days cut are one where the silence between them is short enough.
_SESSIONS = """
WITH
    parts AS
    (
        SELECT part.1 AS starts, part.2 AS ends, day, part.3 AS plays, part.4 AS ms
        FROM {days} AS d ARRAY JOIN sessions AS part
    ),
    numbered AS
    (
        SELECT *, sum(starts > end_before + toIntervalMinute(30)) OVER (
            ORDER BY starts, ends ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS number
        FROM
        (
            SELECT *, max(ends) OVER (
                ORDER BY starts, ends ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS end_before
            FROM parts
        )
    ),
    whole AS
    (
        SELECT
            min(starts) AS begun, max(ends) AS ended, min(day) AS on_day, sum(plays) AS of_plays, sum(ms) AS heard,
            dateDiff('millisecond', begun, ended) / 60000 AS lasts
        FROM numbered GROUP BY number
    )
SELECT
    count(), medianExactOrDefault(lasts), max(lasts),
    arraySlice(arrayReverseSort(groupArray((begun, ended, on_day, of_plays, heard, lasts))), 1, {{limit:UInt32}})
FROM whole"""


class Rhythm(Reads):
    """Counted plays of a window, by when they began on the listener's own clock."""

    def clock(self, listener: int, window: Window, by: By = "plays") -> list[HourRow]:
        """Always 24 rows, hours 0 to 23, from the stamped local hour; plays and minutes whatever `by` says."""
        days = self._days(listener, window, ("plays", "hours", "hours_ms"))
        rows = self._ch.query(f"SELECT sumForEach(hours), sumForEach(hours_ms) FROM {days.sql} AS d", days.params)
        plays, heard = rows[0]
        if not plays:
            plays = heard = [0] * 24
        return [HourRow(hour, plays[hour], round(heard[hour] / 60_000, 2)) for hour in range(24)]

    def week(self, listener: int, window: Window) -> list[WeekRow]:
        """Always 7 x 24 rows, Monday 0 o'clock first."""
        days = self._days(listener, window, ("plays", "hours", "hours_ms"))
        rows = self._ch.query(
            f"SELECT toDayOfWeek(day) AS weekday, sumForEach(hours), sumForEach(hours_ms) FROM {days.sql} AS d "
            "GROUP BY weekday",
            days.params,
        )
        known = {weekday: (plays, heard) for weekday, plays, heard in rows}
        nothing = ([0] * 24, [0] * 24)
        return [
            WeekRow(weekday, hour, plays[hour], round(heard[hour] / 60_000, 2))
            for weekday in range(1, 8)
            for plays, heard in [known.get(weekday, nothing)]
            for hour in range(24)
        ]

    def calendar(self, listener: int, window: Window) -> list[DayRow]:
        """The days with music, oldest first."""
        days = self._days(listener, window, ("plays", "ms"))
        rows = self._ch.query(f"SELECT day, plays, ms FROM {days.sql} AS d ORDER BY day", days.params)
        return [DayRow(day, plays, round(ms / 60_000, 2)) for day, plays, ms in rows]

    def streaks(self, listener: int, window: Window, today: date) -> Streaks:
        """The longest run of days with music, and the one that `today` or yesterday belongs to."""
        days = self._days(listener, window, ("plays",))
        runs = [Streak(*row) for row in self._ch.query(_STREAKS.format(days=days.sql), days.params)]
        current = next((run for run in runs if -1 <= (today - run.last_day).days <= 1), None)
        return Streaks(current, max(runs, key=lambda run: (run.days, run.last_day), default=None))

    def sessions(self, listener: int, window: Window, limit: int = 50) -> Sessions:
        """Sittings, newest first; one that reaches over the window's edge is cut there."""
        days = self._days(listener, window, ("plays", "sessions"))
        count, median, longest, rows = self._ch.query(_SESSIONS.format(days=days.sql), {**days.params, "limit": limit})[
            0
        ]
        return Sessions(count, round(median, 2), round(longest, 2), tuple(_session(row) for row in rows))


def _session(row: tuple[datetime, datetime, date, int, int, float]) -> SessionRow:
    starts, ends, day, plays, ms, lasts = row
    return SessionRow(starts, ends, day, plays, round(ms / 60_000, 2), round(lasts, 2))
