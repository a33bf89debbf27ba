"""Signs of life of threads that wait for something outside, so that a watchdog tells waiting from hanging.

Whoever tries something again and again calls `alive` each time, and after each piece that was done;
whoever waits for something that has a time-out does so within `waiting`. A thread that does none of
these for a minute hangs: in a socket without a time-out, in a lock, in a loop.
By thread, so that several workers in one process do not answer for each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_seen: dict[int, float] = {}
_until: dict[int, float] = {}  # when what a thread waits for has timed out


def alive() -> None:
    """The calling thread is not stuck: it did something, or it waits and says so."""
    _seen[threading.get_ident()] = time.monotonic()


@contextmanager
def waiting(timeout_s: float) -> Iterator[None]:
    """The calling thread waits for something that ends within `timeout_s`, and is alive for so long."""
    me = threading.get_ident()
    _until[me] = time.monotonic() + timeout_s
    try:
        yield
    finally:
        del _until[me]
        alive()


def last_seen(threads: Iterable[int]) -> float:
    """When one of these threads (by their idents) was last alive: seconds of the monotonic clock, or 0."""
    now = time.monotonic()
    return max((max(_seen.get(thread, 0.0), min(now, _until.get(thread, 0.0))) for thread in threads), default=0.0)
