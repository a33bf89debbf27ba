"""Time in the fake: the time of the music, which may run faster than real time but never past it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What time it is in the music, Unix ms UTC."""

    def __call__(self) -> int:
        """Now."""


class AcceleratedClock:
    """Begins `behind_s` ago and runs `speed` times as fast as real time until it has caught up.

    It stays in the past, since a play that ends in the future is refused by every reader.
    """

    def __init__(self, speed: float = 60.0, behind_s: float = 3 * 86_400.0) -> None:
        self._speed = speed
        self._began = time.monotonic()
        self._from = time.time() - behind_s

    def __call__(self) -> int:
        """Now, in the time of the music."""
        passed = (time.monotonic() - self._began) * self._speed
        return int(min(self._from + passed, time.time()) * 1000)


class ManualClock:
    """Stands still until it is told to go on. Safe for threads."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """Now, in the time of the music."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        with self._lock:
            self._now += int(seconds * 1000)
