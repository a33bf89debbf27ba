"""`make bench-read`: every read of one listener, alone in the table and among the plays of others.

    python -m tests.bench.read [--plays 400000] [--others 2000000] [--rounds 20] [--json FILE]

Times are those of the reader's methods, on the embedded engine in this process, in milliseconds:
median and 95th percentile. The goal: p95 under 100 ms, and among others under 1.5 times as long or
under 40 ms. `behind`: while a play was just stored that the rollup does not have yet. Only ratios
mean anything on a machine that others use.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.migrate import migrate
from sinks.reader import Reader
from sinks.rollup import SETTLE, Rollup
from tests.bench.read.world import ME, PLAYS, SECONDS, make_me, make_others

GOAL_MS, GOAL_RATIO, SHORT_MS = 100.0, 1.5, 40.0

Timed = dict[str, tuple[float, float]]


def reads(ch: ClickHouse) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    reader = Reader(ch)
    me = reader.listener("listener 0")
    everything, quarter, year = (reader.window(me, text) for text in ("all", "90d", "365d"))
    today = reader.window(me, "1d").last
    assert today is not None
    return {
        "recent 50": lambda: reader.recent(ME, 50),
        "top artists, all time": lambda: reader.top(ME, "artists", everything),
        "top artists by minutes, all time": lambda: reader.top(ME, "artists", everything, "minutes"),
        "top tracks, all time": lambda: reader.top(ME, "tracks", everything),
        "top albums, all time": lambda: reader.top(ME, "albums", everything),
        "top genres, all time": lambda: reader.top(ME, "genres", everything),
        "top artists, 90 days": lambda: reader.top(ME, "artists", quarter),
        "top tracks, 90 days": lambda: reader.top(ME, "tracks", quarter),
        "clock, all time": lambda: reader.clock(ME, everything),
        "week, all time": lambda: reader.week(ME, everything),
        "calendar, 365 days": lambda: reader.calendar(ME, year),
        "streaks, all time": lambda: reader.streaks(ME, everything, today),
        "totals, all time": lambda: reader.totals(ME, everything),
        "genre coverage, all time": lambda: reader.genre_coverage(ME, everything),
        "evolution by week, all time": lambda: reader.evolution(ME, everything, "week"),
        "evolution by season, all time": lambda: reader.evolution(ME, everything, "season"),
        "mainstream by month, all time": lambda: reader.mainstream(ME, everything),
        "discovery by month, all time": lambda: reader.discovery(ME, everything),
        "favourites": lambda: reader.favourites(ME, "top-artist"),
        "liked but never played, all time": lambda: reader.never_played(ME),
        "followed but dropped, all time": lambda: reader.followed(ME),
        "library against plays, all time": lambda: reader.well_known(ME),
        "sessions, 90 days": lambda: reader.sessions(ME, quarter),
        "sessions, all time": lambda: reader.sessions(ME, everything),
    }


def timed(ch: ClickHouse, rounds: int, only: str = "") -> Timed:
    """Median and p95 in ms of each read; the first round warms up and is left out."""
    taken: dict[str, list[float]] = {}
    asked = {name: read for name, read in reads(ch).items() if only in name}
    for turn in range(rounds + 1):
        for name, read in asked.items():
            began = time.perf_counter()
            read()
            if turn:
                taken.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    found = {name: (round(median(ms), 1), round(quantiles(ms, n=20)[-1], 1)) for name, ms in taken.items()}
    print(json.dumps(found), file=sys.stderr, flush=True)  # noqa: T201
    return found


def main() -> None:
    """Run what was asked for; exit code 1 when a goal is missed."""
    asked = argparse.ArgumentParser(prog="python -m tests.bench.read")
    asked.add_argument("--plays", type=int, default=400_000)
    asked.add_argument("--others", type=int, default=2_000_000)
    asked.add_argument("--rounds", type=int, default=20)
    asked.add_argument("--json", type=Path)
    options = asked.parse_args()
    begin = int(time.time()) - SECONDS - 60
    result: dict[str, Any] = {"plays": options.plays, "others": options.others}
    with (
        tempfile.TemporaryDirectory(prefix="spotifire-bench-") as folder,
        closing(ClickHouse(ClickHouseSettings(path=Path(folder)))) as ch,
    ):
        migrate(ch)
        rollup = Rollup(ch)

        def told(what: str, began: float) -> None:
            result[what] = round(time.monotonic() - began, 1)
            print(f"{what}: {result[what]} s", file=sys.stderr, flush=True)  # noqa: T201

        began = time.monotonic()
        make_me(ch, options.plays, begin, options.others)
        told("plays made", began)
        time.sleep(SETTLE.total_seconds())  # the marks of audit and tick lie so far back, before or behind all plays
        began = time.monotonic()
        result["days"] = rollup.audit()
        told("rolled up", began)
        began = time.monotonic()
        settled(ch)
        rollup.tick()
        told("settled", began)
        alone = timed(ch, options.rounds)
        began = time.monotonic()
        make_others(ch, options.others, begin)
        settled(ch)
        told("others made", began)
        parts = "SELECT count() FROM system.parts WHERE active AND table = 'plays' AND database = currentDatabase()"
        result["parts"] = ch.scalar(parts)
        among = timed(ch, options.rounds)
        time.sleep(SETTLE.total_seconds())  # so that a tick looks at what comes now, and not at the others
        rollup.tick()
        one = {"first": options.plays - 1, "rows": 1, "version": time.time_ns() // 1000, "removed": 0, "every": 0}
        ch.command(PLAYS, {"per": 0, "of": options.plays, "begin": begin, **one})
        behind = timed(ch, options.rounds, "all time")
        began = time.monotonic()
        result["days of one more play"] = rollup.tick()
        told("rolled up one more play", began)
    result["reads"] = {
        name: {
            "alone": alone[name],
            "among others": among[name],
            "behind": behind.get(name),
            "ratio": among[name][0] / alone[name][0],
            "held": among[name][1] < GOAL_MS
            and (among[name][0] < GOAL_RATIO * alone[name][0] or among[name][1] < SHORT_MS),
        }
        for name in alone
    }
    print(table(result))  # noqa: T201
    text = json.dumps(result, indent=2)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
    else:
        print(text)  # noqa: T201
    sys.exit(0 if all(read["held"] for read in result["reads"].values()) else 1)


def settled(ch: ClickHouse) -> None:
    """Put the marks after all that was stored, as a minute without plays would."""
    ch.command(
        "INSERT INTO rollup_marks SELECT listener, version + 1, rules, now64(3) FROM rollup_marks FINAL "
        f"WHERE listener = {ME} AND until < now64(3) + toIntervalSecond({SETTLE.seconds})"
    )


def table(result: dict[str, Any]) -> str:
    """The figures in columns."""
    lines = [f"{'median/p95 in ms':36}{'alone':>12}{'among others':>14}{'ratio':>7}{'behind':>12}  goal"]
    for name, read in result["reads"].items():
        behind = f"{read['behind'][0]:.0f}/{read['behind'][1]:.0f}" if read["behind"] else "–"
        lines.append(
            f"{name:36}{read['alone'][0]:>6.0f}/{read['alone'][1]:<5.0f}"
            f"{read['among others'][0]:>8.0f}/{read['among others'][1]:<5.0f}{read['ratio']:>7.2f}{behind:>12}"
            f"  {'held' if read['held'] else 'MISSED'}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
