"""Pure: closed intervals of listeners' time -> conditions and masks for looking rows up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sinks.times import to_time
from streams.contracts.ports import Span

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

EXACT = 64  # up to so many intervals the condition names each; more, and a mask does the rest
SPARSE = 4  # what is asked for is less than a fourth of the time that it lies in
BUCKET_MS = 256_000

_ODD = 0x9E37_79B9_7F4A_7C15  # sets the same bucket of two listeners apart
_MS_BITS = 43  # a time in milliseconds below the listener's rank in one 64-bit number


@dataclass(frozen=True)
class Intervals:
    """Disjoint intervals, ascending by listener and start. Times are Unix milliseconds UTC, not negative."""

    listener: UInt64s
    start: Int64s
    end: Int64s

    def __len__(self) -> int:
        return len(self.start)


def merged(spans: Sequence[Span]) -> Intervals:
    """Intervals that cover the same as the spans do from 1970 on."""
    listener = np.array([s.listener for s in spans], np.uint64)
    distinct, rank = np.unique(listener, return_inverse=True)
    base = rank.astype(np.int64) << _MS_BITS
    start = base + np.maximum(np.array([s.start for s in spans], np.int64), 0)
    end = base + np.array([s.end for s in spans], np.int64)
    whole = start <= end
    start, end = start[whole], end[whole]
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    breaks = start[1:] > end[:-1] + 1
    some = np.ones(min(1, len(start)), np.bool_)
    start, end = start[np.concatenate([some, breaks])], end[np.concatenate([breaks, some])]
    base = start >> _MS_BITS << _MS_BITS
    return Intervals(distinct[start >> _MS_BITS], start - base, end - base)


def condition(spans: Intervals) -> tuple[str, dict[str, Any]]:
    """SQL on `listener` and `ended_at`, and its parameters. `spans` are not empty.

    It covers every span; with more than EXACT of them it covers more: what lies between them, or,
    where that is much, the rest of the buckets of time that they touch. A set of buckets is one
    probe a row, whatever the number of spans, and reads no other column of the rows it passes over.
    """
    if len(spans) > EXACT:
        return _covering(spans)
    params: dict[str, Any] = {}
    parts = []
    columns = spans.listener.tolist(), spans.start.tolist(), spans.end.tolist()
    for n, (listener, start, end) in enumerate(zip(*columns, strict=True)):
        params |= {f"l{n}": listener, f"a{n}": to_time(start), f"z{n}": to_time(end)}
        parts.append(
            f"(listener = {{l{n}:UInt64}} AND ended_at BETWEEN {{a{n}:DateTime64(3, 'UTC')}} "
            f"AND {{z{n}:DateTime64(3, 'UTC')}})"
        )
    return " OR ".join(parts), params


def _covering(spans: Intervals) -> tuple[str, dict[str, Any]]:
    distinct = np.unique(spans.listener)
    first, last = int(spans.start.min()), int(spans.end.max())
    params: dict[str, Any] = {"listeners": _list(distinct), "first": to_time(first), "last": to_time(last)}
    where = (
        "listener IN {listeners:Array(UInt64)} AND ended_at BETWEEN {first:DateTime64(3, 'UTC')} "
        "AND {last:DateTime64(3, 'UTC')}"
    )
    if int((spans.end - spans.start).sum()) * SPARSE < (last - first) * len(distinct):
        params["buckets"] = _list(_buckets(spans))
        where += (
            f" AND listener + toUInt64(intDiv(toUnixTimestamp64Milli(ended_at), {BUCKET_MS})) * {_ODD} "
            "IN {buckets:Array(UInt64)}"
        )
    return where, params


def _buckets(spans: Intervals) -> UInt64s:
    """The buckets that spans touch, as numbers that two listeners share by chance at most."""
    low = spans.start // BUCKET_MS
    counts = spans.end // BUCKET_MS - low + 1
    upto = np.cumsum(counts)
    buckets = (np.repeat(low - upto + counts, counts) + np.arange(counts.sum())).astype(np.uint64)
    return np.unique(np.repeat(spans.listener, counts) + buckets * np.uint64(_ODD))


def _list(numbers: UInt64s) -> str:
    """An array as the engine reads it: the client takes 20 times as long to write one, number by number."""
    return f"[{','.join(map(str, numbers.tolist()))}]"


def mask(spans: Intervals, listeners: UInt64s, ended_ms: Int64s) -> npt.NDArray[np.bool_]:
    """Which rows lie in a span; one row is one listener and one end."""
    known = np.unique(spans.listener)
    rank = np.searchsorted(known, listeners).clip(max=len(known) - 1)
    base = np.searchsorted(known, spans.listener) << _MS_BITS
    keys = (rank.astype(np.int64) << _MS_BITS) + ended_ms
    at = np.searchsorted(base + spans.start, keys, side="right") - 1
    inside: npt.NDArray[np.bool_] = (at >= 0) & (keys <= (base + spans.end)[at.clip(min=0)])
    inside &= known[rank] == listeners
    return inside
