"""How many records may wait for the worker, so that a neighbour on the partition does not wait long.

What lies in a partition before a live play delays it by as long as the worker takes for it. So
the window holds what the worker commits in DRAIN_S, as measured while a publisher waits for it:
less makes a fast worker idle between two commits, more makes the neighbour wait for nothing.
A record of a full window is then committed DRAIN_S after it was published, whatever the speed.
Pure; the caller brings the clock.
"""

from __future__ import annotations

DRAIN_S = 0.8  # a p99 under 1 s for the neighbour, beside the linger of the worker and the interval of its commits
LEAST = 4_000  # records: so that a worker that was slow or away can show that it is fast
_FIRST = 10_000  # records, until the pace is known
_MEASURE_S = 1.0  # several commits, and short enough to follow a worker that slows down
_IDLE_S = 1.0  # without a look: nobody was publishing, and what was measured is of no use
_STEP = 2.0  # at most so many times more or less than before


class Pace:
    """One partition's limit in records, between LEAST and `most` (or `most`, where that is less)."""

    def __init__(self, most: int) -> None:
        self.limit = min(most, _FIRST)
        self._most = most
        self._since: tuple[float, int] | None = None  # when measuring began, and the commit then
        self._looked_at = 0.0
        self._waited = False

    def waited(self) -> None:
        """A publisher found the window full: what is committed now is all that the worker can."""
        self._waited = True

    def looked(self, committed: int, at: float) -> None:
        """The group's commit at a moment in seconds; moments ascend."""
        idle, self._looked_at = at - self._looked_at > _IDLE_S, at
        if self._since is None or idle:
            self._since, self._waited = (at, committed), False
            return
        seconds, records = at - self._since[0], committed - self._since[1]
        if seconds < _MEASURE_S or not records:
            return
        if self._waited:
            wanted = records / seconds * DRAIN_S
            wanted = min(max(wanted, self.limit / _STEP), self.limit * _STEP)
            self.limit = min(max(round(wanted), LEAST), self._most)
        self._since, self._waited = (at, committed), False
