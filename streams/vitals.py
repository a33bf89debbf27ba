"""Signs of life of threads that wait for something outside, so that a watchdog tells waiting from hanging.

Whoever tries something again and again calls `alive` each time, and after each piece that was done. A
thread that does neither for a minute hangs: in a socket without a time-out, in a lock, in a loop.
By thread, so that several workers in one process do not answer for each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

_seen: dict[int, float] = {}


def alive() -> None:
    """The calling thread is not stuck: it did something, or it waits and says so."""
    _seen[threading.get_ident()] = time.monotonic()


def last_seen(threads: Iterable[int]) -> float:
    """When one of these threads (by their idents) was last alive: seconds of the monotonic clock, or 0."""
    return max((_seen.get(thread, 0.0) for thread in threads), default=0.0)
