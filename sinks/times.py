"""Unix milliseconds UTC, as events and ports have them, to ClickHouse's DateTime64 and back."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_lock = threading.Lock()
_last = 0


def to_time(ms: int) -> datetime:
    """Unix milliseconds UTC -> aware datetime, exactly (no float in between)."""
    return EPOCH + timedelta(milliseconds=ms)


def to_time_or_none(ms: int | None) -> datetime | None:
    """The same, and None stays None."""
    return None if ms is None else to_time(ms)


def to_ms(moment: datetime) -> int:
    """Aware datetime -> Unix milliseconds UTC."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def to_ms_or_none(moment: datetime | None) -> int | None:
    """The same, and None stays None."""
    return None if moment is None else to_ms(moment)


def now_ms() -> int:
    """Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


def next_version(after: int = 0) -> int:
    """Microseconds since 1970, strictly increasing in this process, and above `after`.

    Give the version of the row that is replaced where another process may have written it: its
    clock may be ahead of ours.
    """
    global _last  # noqa: PLW0603
    with _lock:
        _last = max(time.time_ns() // 1_000, _last + 1, after + 1)
        return _last
