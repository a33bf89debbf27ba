"""A day of two workers and a collector, in which something goes wrong: what the dashboard Pipeline can show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import sin

from sinks.clickhouse import ClickHouse
from sinks.measurements import COLUMNS, Measurement
from streams.contracts.topics import PLAY_RECORDED
from tests.grafana.world import ABROAD, RICH

# Of the clock, since older measurements are dropped and plays are counted when they are written.
PIPELINE_END = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=15)
PIPELINE_START = PIPELINE_END - timedelta(days=1)
EVERY = timedelta(minutes=10)


def plant_pipeline(ch: ClickHouse) -> None:
    """Figures of every ten minutes, a jam in the middle of the day, refused records and gaps."""
    rows = []
    for number in range(144):
        at = PIPELINE_END - timedelta(seconds=30) - number * EVERY
        for process in ("a", "b"):
            rows += [
                (m.measure, m.label, m.listener, process, at, part, float(m.value))
                for part, measured in (("worker", _worker(number)), ("collector", _collector(number)))
                if part == "worker" or process == "a"
                for m in measured
            ]
    ch.insert("measurements", COLUMNS, rows)
    letters = [[n, PIPELINE_END - n * EVERY, ("bad-value", "too-large")[n % 2], "x"] for n in range(1, 6)]
    ch.insert("dead_letters", ["dead_letter_id", "refused_at", "reason", "payload"], letters)
    replays = ["dead_letter_id", "version", "replayed_at", "resolved_at"]
    ch.insert("replays", replays, [[1, 1, PIPELINE_END, PIPELINE_END]])
    gap = [ABROAD, "spotify.recent", PIPELINE_END - 9 * EVERY, PIPELINE_END - 5 * EVERY, 1, None]
    ch.insert("gaps", ["listener", "source", "gap_start", "gap_end", "version", "closed_at"], [gap])


def _worker(number: int) -> Sequence[Measurement]:
    jam = 8_000 * max(0.0, sin((number - 60) / 8)) if 60 < number < 85 else 3.0
    count = 300 + 100 * sin(number / 20)
    return (
        Measurement("read", count, PLAY_RECORDED.name),
        Measurement("stored", count * 0.8),
        Measurement("known", count * 0.15),
        Measurement("enriched", count * 0.8),
        Measurement("refused", count * 0.02 if number < 5 else 0),
        Measurement("lag", jam, f"spotifire/{PLAY_RECORDED.name}"),
        Measurement("queryable", count * 0.6, "0.05 0.1"),
        Measurement("queryable", count * 0.3, "0.1 0.25"),
        Measurement("queryable", count * (0.4 if jam > 100 else 0.02), "2.5 5.0"),
    )


def _collector(number: int) -> Sequence[Measurement]:
    return (
        Measurement("blocked", 20 if number % 40 == 3 else 0),
        Measurement("polls", 40),
        Measurement("told_to_wait", float(number % 40 == 3), "rate"),
        Measurement("told_to_wait", 0, "quota"),
        Measurement("poll_age", 300 + 10 * (number % 50), "", RICH),
        Measurement("poll_age", 3_000 - 15 * number, "", ABROAD),
    )
