"""What goes wrong on purpose: by chance from a seed, or exactly as a test scripts it."""

from __future__ import annotations

import random
import threading
from collections import defaultdict, deque

from msgspec import Struct


class Troubles(Struct, frozen=True, kw_only=True):
    """Chances from 0 to 1, for each request. The default is a Spotify on its best day."""

    seed: int = 0
    bad_gateway: float = 0.0  # 502 with an HTML body
    throttled: float = 0.0  # 429 with a Retry-After of throttled_s
    throttled_s: int = 1
    slow: float = 0.0  # answers after slow_s
    slow_s: float = 0.3
    stale: float = 0.0  # recently-played as it was up to stale_s ago, in the time of the music
    stale_s: float = 1_800.0
    token_dies: float = 0.0  # an access token ends before its hour
    odd_genres: float = 0.0  # an artist's genres null or absent
    odd_items: float = 0.0  # a page of the library with an item that is null, or a track that is
    rotates: float = 0.0  # a refresh brings a new refresh token though the app has a secret


CALM = Troubles()
NASTY = Troubles(
    bad_gateway=0.08,
    throttled=0.05,
    slow=0.1,
    slow_s=0.05,
    stale=0.15,
    token_dies=0.08,
    odd_genres=0.5,
    odd_items=0.1,
    rotates=0.5,
)


class Fault(Struct, frozen=True, kw_only=True):
    """One scripted answer."""

    status: int
    message: str = "scripted"
    reason: str = ""
    retry_after: str = ""
    body: str | None = None  # sent as it is, instead of Spotify's JSON
    delay_s: float = 0.0


class Trouble:
    """The dice and the script of one running fake. Safe for threads."""

    def __init__(self, troubles: Troubles) -> None:
        self.troubles = troubles
        self._dice = random.Random(troubles.seed)  # noqa: S311 (test behaviour, no secret)
        self._script: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()

    def script(self, path: str, *faults: Fault) -> None:
        """The next requests for `path` (such as /v1/me/player/recently-played) get these answers."""
        with self._lock:
            self._script[path].extend(faults)

    def next_fault(self, path: str) -> Fault | None:
        """What this request gets instead of an answer, or None."""
        with self._lock:
            if self._script[path]:
                return self._script[path].popleft()
        if self.happens(self.troubles.bad_gateway):
            return Fault(status=502, body="<html><body><h1>502 Bad Gateway</h1></body></html>")
        if self.happens(self.troubles.throttled):
            return Fault(status=429, message="API rate limit exceeded", retry_after=str(self.troubles.throttled_s))
        return None

    def happens(self, chance: float) -> bool:
        """Throw the dice."""
        if chance <= 0:
            return False
        with self._lock:
            return self._dice.random() < chance

    def staleness_ms(self) -> int:
        """How old the list of recent plays is this time."""
        if not self.happens(self.troubles.stale):
            return 0
        with self._lock:
            return int(self._dice.uniform(0, self.troubles.stale_s) * 1000)
