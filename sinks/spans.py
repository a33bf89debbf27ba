"""Pure: closed intervals of listeners' time -> conditions and masks for looking rows up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sinks.times import to_time
from streams.contracts.ports import Span

EXACT = 64  # up to so many intervals the condition names each; more, and a mask does the rest

_MS_BITS = 43  # a time in milliseconds below the listener's rank in one 64-bit number


def merged(spans: Sequence[Span]) -> list[Span]:
    """Disjoint spans, ascending by listener and start, that cover the same."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.listener, s.start)):
        if out and out[-1].listener == span.listener and span.start <= out[-1].end + 1:
            if span.end > out[-1].end:
                out[-1] = Span(span.listener, out[-1].start, span.end)
        else:
            out.append(span)
    return out


def condition(spans: Sequence[Span]) -> tuple[str, dict[str, Any]]:
    """SQL on `listener` and `ended_at`, and its parameters. `spans` are merged and not empty.

    It covers every span; with more than EXACT of them it covers what lies between, too.
    """
    params: dict[str, Any] = {}
    if len(spans) > EXACT:
        params["listeners"] = sorted({s.listener for s in spans})
        params["first"] = to_time(min(s.start for s in spans))
        params["last"] = to_time(max(s.end for s in spans))
        return (
            "listener IN {listeners:Array(UInt64)} AND ended_at BETWEEN {first:DateTime64(3, 'UTC')} "
            "AND {last:DateTime64(3, 'UTC')}",
            params,
        )
    parts = []
    for n, span in enumerate(spans):
        params |= {f"l{n}": span.listener, f"a{n}": to_time(span.start), f"z{n}": to_time(span.end)}
        parts.append(
            f"(listener = {{l{n}:UInt64}} AND ended_at BETWEEN {{a{n}:DateTime64(3, 'UTC')}} "
            f"AND {{z{n}:DateTime64(3, 'UTC')}})"
        )
    return " OR ".join(parts), params


def mask(
    spans: Sequence[Span], listeners: npt.NDArray[np.uint64], ended_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Which rows lie in a span. `spans` are merged; one row is one listener and one end."""
    ranks: Mapping[int, int] = {v: n for n, v in enumerate(sorted({s.listener for s in spans}))}
    known = np.fromiter(ranks, dtype=np.uint64, count=len(ranks))
    rank = np.searchsorted(known, listeners).clip(max=len(known) - 1)
    starts = np.array([(ranks[s.listener] << _MS_BITS) + max(s.start, 0) for s in spans], dtype=np.int64)
    ends = np.array([(ranks[s.listener] << _MS_BITS) + s.end for s in spans], dtype=np.int64)
    keys = (rank.astype(np.int64) << _MS_BITS) + ended_ms
    at = np.searchsorted(starts, keys, side="right") - 1
    inside: npt.NDArray[np.bool_] = (at >= 0) & (keys <= ends[at.clip(min=0)]) & (known[rank] == listeners)
    return inside
