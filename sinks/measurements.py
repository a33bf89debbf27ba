"""What the parts measure of themselves, kept for 30 days: what dashboards and alerts of the pipeline read.

| part | measure | label | value |
|---|---|---|---|
| worker | `lag` | group/topic | records published and not committed |
| worker | `read` | topic | records taken up (a counter) |
| worker | `stored`, `known`, `refused`, `plays`, `enriched`, `retries` | | as in streams/metrics.py (counters) |
| worker | `queryable` | over and up to | plays, by seconds from published to queryable, at most `+Inf` (counters) |
| collector | `poll_age` | | seconds since the listener's last good poll |
| collector | `connection` | its state | 1 |
| collector | `token_left` | | seconds until the listener's connection ends |
| collector | `polls` | | calls to Spotify (a counter) |
| collector | `told_to_wait` | rate, quota | answers by which Spotify asked for a pause, mostly 429 (counters) |
| collector | `blocked` | | seconds for which nothing may be asked, of the client id that waits longest |

A counter's row holds what came since the row before, so that processes and times are summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from sinks.clickhouse import ClickHouse
from sinks.times import to_time

Part = Literal["worker", "collector"]
COLUMNS = ("measure", "label", "listener", "process", "measured_at", "part", "value")


class Measurement(Struct, frozen=True):
    """One figure of one moment."""

    measure: str
    value: float
    label: str = ""
    listener: int = 0


def write_measurements(
    ch: ClickHouse, part: Part, process: str, measured_at: int, measured: Sequence[Measurement]
) -> None:
    """Store the figures of one moment (Unix ms UTC); the same again changes nothing. Raises StoreUnavailable."""
    at = to_time(measured_at)
    ch.insert("measurements", COLUMNS, [(m.measure, m.label, m.listener, process, at, part, m.value) for m in measured])
