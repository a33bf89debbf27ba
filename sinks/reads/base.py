"""The local days of a listener as a relation: from the rollup, and from the plays what it lacks.

The rollup is seconds behind. So each read first asks what was stored since the rollup's mark (a
range of the primary key and an index on `stored_at`), and makes the days anew that those plays
can belong to. The answer is always that of the plays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from sinks.clickhouse import ClickHouse
from sinks.days import RULES, days_of, figures
from sinks.windows import Window

Per = Literal["week", "month", "season"]

EPOCH = date(1970, 1, 1)

# The first day of the period of a day. Seasons are three months, the first of them from December.
STARTS: dict[Per, str] = {
    "week": "toMonday(day)",
    "month": "toStartOfMonth(day)",
    "season": "toStartOfMonth(subtractMonths(day, toMonth(day) % 3))",
}

_STATE = f"""
SELECT
    (SELECT any(cityHash64({RULES}, version)) FROM listeners FINAL WHERE listener = {{listener:UInt64}})
        = (SELECT argMax(rules, version) FROM rollup_marks WHERE listener = {{listener:UInt64}}) AS rolled,
    count() AS newer,
    min(play_id),
    max(play_id)
FROM plays
WHERE listener = {{listener:UInt64}}
    AND stored_at >= (SELECT max(until) FROM rollup_marks WHERE listener = {{listener:UInt64}})"""

_ROLLED = (
    "SELECT {columns} FROM listener_days FINAL WHERE listener = {{listener:UInt64}} "
    "AND day >= {{first:Date}} AND day <= {{last:Date}}{without}"
)
_WITHOUT = " AND (day < {from_day:Date} OR day > {to_day:Date})"
_MADE = (
    "listener = {listener:UInt64} AND play_id >= {from_id:UInt64} AND play_id < {to_id:UInt64} "
    "AND local_date >= {from_day:Date} AND local_date <= {to_day:Date}"
)


@dataclass(frozen=True)
class Days:
    """A relation to read FROM, in brackets, and the parameters that it needs."""

    sql: str
    params: dict[str, Any]


class Reads:
    """What the reads stand on; safe to share between threads."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def _days(self, listener: int, window: Window, columns: Sequence[str]) -> Days:
        """Rows of `columns` (of sinks.days.FIGURES_OF_A_DAY) for the local days of a window that have plays."""
        first, last = bounds(window)
        rolled, newer, low, high = self._ch.query(_STATE, {"listener": listener})[0]
        params: dict[str, Any] = {"listener": listener, "first": first, "last": last}
        chosen = ("day", *columns)
        parts = []
        if rolled:
            parts.append(_ROLLED.format(columns=", ".join(chosen), without=_WITHOUT if newer else ""))
        if newer or not rolled:
            from_day, to_day = days_of(low, high) if rolled else (first, last)
            from_day, to_day = max(first, from_day), min(last, to_day)
            from_id, to_id = Window("", from_day if from_day > EPOCH else None, to_day).play_ids()
            params |= {"from_day": from_day, "to_day": to_day, "from_id": from_id, "to_id": to_id}
            if from_day <= to_day:
                parts.append(f"SELECT * FROM ({figures(_MADE, chosen)})")
        return Days(f"(SELECT * FROM ({' UNION ALL '.join(parts)}) WHERE plays > 0)", params)


def bounds(window: Window) -> tuple[date, date]:
    """First and last local day of a window; open ends are 1970 and three days from now."""
    return window.first or EPOCH, window.last or (datetime.now(UTC) + timedelta(days=3)).date()
