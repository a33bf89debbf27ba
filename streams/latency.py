"""Quantiles of the last minute, in bounded memory: counts in geometric buckets, one set a second."""

from __future__ import annotations

import math
from collections import Counter, deque

_STEP = math.log(1.05)  # a bucket is 5% wide, and so is the error
_SMALLEST = 0.001  # seconds; what is faster counts as this


class RecentLatency:
    """Durations in seconds, seen within the last `span_s` seconds of the clock that is passed in."""

    def __init__(self, span_s: int = 60) -> None:
        self._span = span_s
        self._seconds: deque[tuple[int, Counter[int]]] = deque()

    def add(self, now: float, duration: float, count: int = 1) -> None:
        """`count` durations, at the moment `now` (seconds of a monotonic clock)."""
        second = int(now)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, Counter()))
            self._drop(second)
        self._seconds[-1][1][_bucket(duration)] += count

    def quantile(self, now: float, *shares: float) -> list[float | None]:
        """For each share (0.99 for p99) the duration that it lies under; None when nothing was seen."""
        self._drop(int(now))
        total: Counter[int] = Counter()
        for _, counts in self._seconds:
            total.update(counts)
        seen = sorted(total.items())
        return [_at(seen, share * total.total()) for share in shares]

    def _drop(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - self._span:
            self._seconds.popleft()


def _bucket(duration: float) -> int:
    return math.ceil(math.log(max(duration, _SMALLEST) / _SMALLEST) / _STEP)


def _at(seen: list[tuple[int, int]], rank: float) -> float | None:
    below = 0
    for bucket, count in seen:
        below += count
        if below >= rank:
            return _SMALLEST * math.exp(bucket * _STEP)
    return None
