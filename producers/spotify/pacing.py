"""When to ask next, and when not to ask at all. Nothing here sleeps."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from producers.spotify.errors import QuotaExceeded
from streams.contracts.errors import SourceUnavailable

Family = Literal["player", "profile", "library"]
EVERYTHING: Literal["*"] = "*"
WINDOW_S = 60.0  # Spotify's rolling window is of 30 s: a longer wait, asked for of the library, is of the library


class Pace(Struct, frozen=True, kw_only=True):
    """Seconds between two calls. The defaults suit the real Spotify; the fake one is asked faster."""

    active_s: float = 720.0  # 50 plays of 30 s are 25 minutes: so none falls off in half of that
    idle_s: float = 3_600.0  # at most, when nothing was played lately
    after_change_s: float = 60.0  # after now-playing saw another track: a play is listed once it is over
    playing_s: float = 60.0  # now-playing, at most, while something plays
    silent_s: float = 240.0  # now-playing, while nothing does
    retry_s: float = 5.0  # after the first failure, doubled with each further one
    retry_most_s: float = 900.0
    library_s: float = 86_400.0  # from one look at a list of the library to the next
    library_first_s: float = 20.0  # after a start or a new connection: the plays go first
    library_page_s: float = 2.0  # between two of its pages
    library_whole_s: float = 7 * 86_400.0  # a list that tells what is new on its first page is read whole so often
    jitter: float = 0.1  # share by which each pause varies, so that listeners do not march in step


def after_plays(pace: Pace, since_newest_s: float | None) -> float:
    """Seconds to the next recently-played; `since_newest_s` is the age of its newest play.

    Active as long as the newest play is younger than one active interval, then as long as the
    silence has lasted, up to the idle interval.
    """
    if since_newest_s is None:
        return pace.idle_s
    return min(max(since_newest_s, pace.active_s), pace.idle_s)


def after_playback(pace: Pace, is_playing: bool, remaining_s: float | None) -> float:
    """Seconds to the next now-playing: just after the track ends, or a while when nothing plays."""
    if not is_playing:
        return pace.silent_s
    return pace.playing_s if remaining_s is None else min(pace.playing_s, max(0.0, remaining_s) + 2.0)


def after_failure(pace: Pace, failures: int) -> float:
    """Seconds to wait after the nth failure in a row (n from 1)."""
    return float(min(pace.retry_s * 2.0 ** min(failures - 1, 32), pace.retry_most_s))


def vary(pace: Pace, seconds: float, dice: random.Random) -> float:
    """The pause with its jitter."""
    return seconds * (1 + dice.uniform(-pace.jitter, pace.jitter))


class Blocks:
    """Until when a client id may not be used, by family of endpoints. Safe for threads.

    A plain 429 counts for the whole client id, since Spotify's rolling window does; a
    QUOTA_EXCEEDED only for its family, and so does what the library is told to wait for longer than
    that window: plays must not be lost for it. Times are Unix ms UTC.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], int] = {}
        self._told: Counter[str] = Counter()
        self._lock = threading.Lock()

    def block(self, client_id: str, family: Family | Literal["*"], seconds: float) -> int:
        """Block for `seconds` from now, never shorter than it was; returns until when."""
        until = self._clock() + int(seconds * 1000)
        with self._lock:
            self._told["rate" if family == EVERYTHING else "quota"] += 1
            self._until[client_id, family] = max(until, self._until.get((client_id, family), 0))
            return self._until[client_id, family]

    def told(self) -> dict[str, int]:
        """How often Spotify asked for a pause since the start: for its rolling window (rate), for a quota."""
        with self._lock:
            return {kind: self._told[kind] for kind in ("rate", "quota")}

    def check(self, client_id: str, family: Family) -> None:
        """Raise what Spotify said last, with the time that is left of it, while it still counts.

        QuotaExceeded for the family's quota, else SourceUnavailable.
        """
        now = self._clock()
        with self._lock:
            quota = self._until.get((client_id, family), 0) - now
            window = self._until.get((client_id, EVERYTHING), 0) - now
        if quota > 0:
            raise QuotaExceeded(
                "The Spotify app's quota is used up.",
                retry_after=quota / 1000,
                cure="Nothing to do: it goes on by itself afterwards.",
            )
        if window > 0:
            raise SourceUnavailable("Spotify asked us to slow down.", retry_after=window / 1000)

    def until(self, client_id: str, family: Family) -> int | None:
        """Until when nothing may be asked, or None."""
        with self._lock:
            until = max(self._until.get((client_id, EVERYTHING), 0), self._until.get((client_id, family), 0))
        return until if until > self._clock() else None
