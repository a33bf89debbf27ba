"""Durations as counts in buckets: quantiles of the last minute, and a histogram for Prometheus.

Both take an array at a time: a slice's durations cost some numpy calls, and nothing a record.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Seconds = npt.NDArray[np.float64]

_STEP = math.log(1.05)  # a bucket is 5% wide, and so is the error
_SMALLEST = 0.001  # seconds; what is faster counts as this
_LARGEST = 30 * 86_400.0  # what is slower counts as this
_BUCKETS = math.ceil(math.log(_LARGEST / _SMALLEST) / _STEP) + 1


class RecentLatency:
    """Durations in seconds, seen within the last `span_s` seconds of the clock that is passed in."""

    def __init__(self, span_s: int = 60) -> None:
        self._span = span_s
        self._seconds: deque[tuple[int, npt.NDArray[np.int64]]] = deque()

    def add(self, now: float, durations: Seconds) -> None:
        """Durations, at the moment `now` (seconds of a monotonic clock)."""
        second = int(now)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, np.zeros(_BUCKETS, np.int64)))
            self._drop(second)
        within = np.clip(durations, _SMALLEST, _LARGEST)
        buckets = np.ceil(np.log(within / _SMALLEST) / _STEP).astype(np.int64)
        self._seconds[-1][1][:] += np.bincount(buckets, minlength=_BUCKETS)[:_BUCKETS]

    def quantile(self, now: float, *shares: float) -> list[float | None]:
        """For each share (0.99 for p99) the duration that it lies under; None when nothing was seen."""
        self._drop(int(now))
        if not self._seconds:
            return [None] * len(shares)
        below = np.cumsum(np.sum([counts for _, counts in self._seconds], axis=0))
        seen = int(below[-1])
        if not seen:
            return [None] * len(shares)
        return [
            _SMALLEST * math.exp(int(np.searchsorted(below, max(1, math.ceil(share * seen)))) * _STEP)
            for share in shares
        ]

    def _drop(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - self._span:
            self._seconds.popleft()


class ArrayHistogram(Collector):
    """A Prometheus histogram that is fed with arrays. prometheus_client's own takes one value at a time."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = np.asarray(bounds, np.float64)
        self._labels = [*map(floatToGoString, bounds), "+Inf"]
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self._sum = 0.0
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, values: Seconds) -> None:
        """Count each value in its bucket."""
        counts = np.bincount(np.searchsorted(self._bounds, values), minlength=len(self._counts))
        total = float(values.sum())
        with self._lock:
            self._counts += counts
            self._sum += total

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What Prometheus reads: counts up to each bound."""
        with self._lock:
            upto, total = np.cumsum(self._counts).tolist(), self._sum
        buckets = list(zip(self._labels, upto, strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=total)
