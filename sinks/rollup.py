"""Keeps the daily rollup (table listener_days) equal to the plays, behind the writer and beside it.

Nothing tells it what changed, so nothing can be missed: for a listener it compares, day by day, a
fingerprint of the live plays (ids and versions) with the one that the row was made of, and makes
the rows anew that differ. A day that was emptied, or that a play moved away from, differs like any
other; so does every day of a listener whose settings changed. It may be stopped anywhere: what was
not written still differs.

Where to look is told by `stored_at`, the database's own time of writing: `tick` compares the
listeners of whom something was stored since the last tick, or SETTLE seconds before it, since a
row becomes visible a little after the time that it carries. `audit` compares everybody's whole
history; a tick does so at the start and every AUDIT seconds, for rows that came in any other way. Two rollups at
once do no harm: a row of an older reading carries its older fingerprint and is made again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from sinks.clickhouse import ClickHouse
from sinks.days import FIGURES_OF_A_DAY, RULES, WANTED, days_of, figures, ids_of
from sinks.times import next_version

log = structlog.get_logger(__name__)

SETTLE = timedelta(seconds=30)
NEAR = timedelta(days=14)  # those who play now are compared together, from so many days ago on
MANY = 31  # days: more wait until nothing is stored for QUIET seconds, but PATIENCE at most
QUIET = timedelta(seconds=3)
PATIENCE = 120.0
AUDIT = 6 * 3600.0  # seconds between two looks at everything
AT_ONCE = 500_000  # plays read by one statement; it takes about 1 KB for each
EPOCH = date(1970, 1, 1)

# one thread, since nothing waits for it and an import may be running
GENTLE = {"max_threads": 1, "max_insert_threads": 1}

RULES_OF = f"cityHash64({RULES}, version)"

NOW = "SELECT now64(3, 'UTC')"

TOUCHED = (
    "SELECT listener, min(play_id), max(play_id), max(stored_at) FROM plays "
    "WHERE stored_at >= {since:DateTime64(3, 'UTC')} GROUP BY listener"
)

EVERYBODY = f"SELECT listener, {RULES_OF} FROM listeners FINAL WHERE erased_at IS NULL"

MARKS = "SELECT listener, argMax(rules, version), max(version) FROM rollup_marks GROUP BY listener"

# Days whose row is not what the plays say: (listener, day, live plays now, newest version of a row).
DIFFERENT = """
SELECT listener, day, live, kept_version
FROM
(
    SELECT listener, local_date AS day, groupBitXor(cityHash64(play_id, version)) AS print, count() AS live
    FROM plays FINAL
    WHERE listener IN {listeners:Array(UInt64)} AND play_id >= {low:UInt64} AND play_id < {high:UInt64}
        AND local_date >= {first:Date} AND local_date <= {last:Date}
    GROUP BY listener, day
) AS now
FULL OUTER JOIN
(
    SELECT listener, day, fingerprint, known, kept.rules AS kept_rules, kept.version AS kept_version
    FROM listener_days AS kept FINAL
    WHERE listener IN {listeners:Array(UInt64)} AND day >= {first:Date} AND day <= {last:Date}
) AS rolled USING (listener, day)
WHERE print != fingerprint OR live != known
    OR (live > 0 AND kept_rules != transform(
        listener, {listeners:Array(UInt64)}, {rules:Array(UInt64)}, toUInt64(0)))
ORDER BY listener, day"""

COLUMNS = ("version", "rules", *FIGURES_OF_A_DAY)
MAKE = (
    f"INSERT INTO listener_days ({', '.join(COLUMNS)}) SELECT {{version:UInt64}}, "
    "transform(listener, {whose:Array(UInt64)}, {rules:Array(UInt64)}, toUInt64(0)), * "
    f"FROM ({figures(WANTED, empty_days=True)})"
)


@dataclass(frozen=True)
class Look:
    """Listeners to compare together, and between which local days; None is the whole history."""

    listeners: tuple[int, ...]
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class Day:
    """A row that is behind: of whom, which local day, and how many live plays it has."""

    listener: int
    day: date
    plays: int


class Rollup:
    """One for a process, used from one thread at a time. Raises StoreUnavailable; then call again."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch
        self._since: datetime | None = None  # the last tick, by the database's clock
        self._audited = 0.0  # monotonic seconds
        self._waiting: dict[int, float] = {}  # whose many days wait, since when (monotonic seconds)

    def audit(self) -> int:
        """Compare everybody's whole history; how many rows were made."""
        began, rules = self._now(), self._rules()
        made = sum(self._compare(Look((listener,)), rules, began) for listener in sorted(rules))
        self._since, self._waiting, self._audited = began, {}, time.monotonic()
        if made:
            log.info("daily rollup made", days=made)
        return made

    def tick(self) -> int:
        """Compare what was stored since the last time, and who changed settings; how many rows were made."""
        if self._since is None or time.monotonic() - self._audited > AUDIT:
            return self.audit()
        began = self._now()
        rules = self._rules()
        stored = {
            row[0]: row[1:] for row in self._ch.query(TOUCHED, {"since": self._since - SETTLE}) if row[0] in rules
        }
        marks = {listener: kept for listener, kept, _ in self._ch.query(MARKS)}
        changed = {listener for listener, now in rules.items() if marks.get(listener) != now}
        made = sum(
            self._compare(look, rules, began, {one: newest for one, (_, _, newest) in stored.items()})
            for look in looks(stored, changed | self._waiting.keys() & rules.keys(), began)
        )
        self._since = began
        return made

    def _compare(
        self, look: Look, rules: dict[int, int], began: datetime, newest: dict[int, datetime] | None = None
    ) -> int:
        """`rules` were read before the plays are: settings that change meanwhile differ the next time."""
        listeners = list(look.listeners)
        first, last = look.first or EPOCH, look.last or date(2105, 1, 1)
        low, high = ids_of(first, last) if look.first else (0, 2**64 - 1)
        rows = self._ch.query(
            DIFFERENT,
            {
                "listeners": listeners, "rules": [rules[one] for one in listeners],
                "low": low, "high": high, "first": first, "last": last,
            },
            settings=GENTLE,
        )  # fmt: skip
        behind = [Day(listener, day, plays) for listener, day, plays, _ in rows]
        waiting = self._wait(behind, began, newest or {})
        behind = [day for day in behind if day.listener not in waiting]
        version = next_version(max((version for *_, version in rows), default=0))
        for part in parts(behind):
            self._make(part, rules, version)
        self._mark([one for one in listeners if one not in waiting], rules, began, whole=look.first is None)
        return len(behind)

    def _wait(self, behind: Sequence[Day], began: datetime, newest: dict[int, datetime]) -> set[int]:
        """Whose many days are not made yet, since more is being stored for them at this moment."""
        days: dict[int, int] = {}
        for day in behind:
            days[day.listener] = days.get(day.listener, 0) + 1
        clock = time.monotonic()
        waiting = {
            listener
            for listener, count in days.items()
            if count > MANY
            and listener in newest
            and newest[listener] > began - QUIET
            and clock - self._waiting.setdefault(listener, clock) < PATIENCE
        }
        for listener in days.keys() - waiting:
            self._waiting.pop(listener, None)
        return waiting

    def _make(self, days: Sequence[Day], rules: dict[int, int], version: int) -> None:
        whose = sorted({day.listener for day in days})
        low, high = ids_of(min(day.day for day in days), max(day.day for day in days))
        self._ch.command(
            MAKE,
            {
                "version": version, "whose": whose, "rules": [rules[one] for one in whose], "low": low, "high": high,
                "listeners": [day.listener for day in days], "days": [(day.day - EPOCH).days for day in days],
            },
            settings=GENTLE,
        )  # fmt: skip

    def _mark(self, listeners: Sequence[int], rules: dict[int, int], began: datetime, *, whole: bool) -> None:
        """Note how far listeners are; a look at some days says nothing of one whose settings changed."""
        marks = {listener: (kept, version) for listener, kept, version in self._ch.query(MARKS)}
        nobody = (0, 0)
        told = [one for one in listeners if whole or marks.get(one, nobody)[0] == rules[one]]
        version = next_version(max((marks.get(one, nobody)[1] for one in told), default=0))
        self._ch.insert(
            "rollup_marks",
            ("listener", "version", "rules", "until"),
            [(one, version, rules[one], began - SETTLE) for one in told],
        )

    def _rules(self) -> dict[int, int]:
        return dict(self._ch.query(EVERYBODY))

    def _now(self) -> datetime:
        now: datetime = self._ch.scalar(NOW)
        return now


def looks(stored: dict[int, tuple[int, int, datetime]], whole: set[int], now: datetime) -> Iterator[Look]:
    """Who is compared with whom: those who play now together, an import and a change of settings alone.

    `stored`: by listener the lowest and highest play id, and when; `whole`: whose whole history.
    """
    near = now.date() - NEAR
    spans = {one: days_of(low, high) for one, (low, high, _) in stored.items() if one not in whole}
    together = tuple(sorted(one for one, (first, _) in spans.items() if first >= near))
    if together:
        yield Look(together, min(spans[one][0] for one in together), max(spans[one][1] for one in together))
    for one in sorted(spans.keys() - set(together)):
        yield Look((one,), *spans[one])
    for one in sorted(whole):
        yield Look((one,))


def parts(days: Sequence[Day]) -> Iterator[list[Day]]:
    """Days in order, so many at once that their plays fit into memory."""
    part: list[Day] = []
    plays = 0
    for day in days:
        if part and plays + day.plays > AT_ONCE:
            yield part
            part, plays = [], 0
        part.append(day)
        plays += day.plays
    if part:
        yield part
