"""How many records may wait for the worker, so that a neighbour on the partition does not wait long.

What lies in a partition before a live play delays it by as long as the worker takes for it. So
the window holds what the worker commits in DRAIN_S, as measured while a publisher waits for it:
less makes a fast worker idle between two commits, more makes the neighbour wait for nothing.
A record of a full window is then committed DRAIN_S after it was published, whatever the speed.

Where there is no neighbour nobody waits, and small windows make small slices, which cost the worker
twice as much a record: so the window is ALONE times as large as long as the broker's acknowledgements
show only our own records behind each other. The first neighbour's record waits for what lies before it,
ALONE x DRAIN_S at worst; from then on, and for COMPANY_S after the last one, the window is small.
Pure; the caller brings the clock.
"""

from __future__ import annotations

DRAIN_S = 0.8  # a p99 under 1 s for the neighbour, beside the linger of the worker and the interval of its commits
LEAST = 4_000  # records: so that a worker that was slow or away can show that it is fast
ALONE = 3  # 2.4 s, once, for a neighbour whom nobody knew of
COMPANY_S = 300.0  # who plays has a next track in this time
_WATCH_S = 0.5  # of our own records alone, before nobody else is believed to be there
_FIRST = 10_000  # records, until the pace is known
_MEASURE_S = 1.0  # several commits, and short enough to follow a worker that slows down
_IDLE_S = 1.0  # without a look: nobody was publishing, and what was measured is of no use
_STEP = 2.0  # at most so many times more or less than before


class Pace:
    """One partition's limit in records, between LEAST and `most` (or `most`, where that is less)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._paced = min(most, _FIRST)
        self._alone = False
        self._alone_from: float | None = None
        self._since: tuple[float, int] | None = None  # when measuring began, and the commit then
        self._looked_at = 0.0
        self._waited = False

    @property
    def limit(self) -> int:
        """Records that may wait for the worker."""
        return min(self._most, self._paced * ALONE) if self._alone else self._paced

    def acknowledged(self, at: float, *, company: bool) -> None:
        """The broker has records of ours; `company`: others' lie between them and our last ones."""
        if company:
            self._alone, self._alone_from = False, at + COMPANY_S
        elif self._alone_from is None:
            self._alone_from = at + _WATCH_S

    def waited(self) -> None:
        """A publisher found the window full: what is committed now is all that the worker can."""
        self._waited = True

    def looked(self, committed: int, at: float) -> None:
        """The group's commit at a moment in seconds; moments ascend."""
        idle, self._looked_at = at - self._looked_at > _IDLE_S, at
        self._alone = self._alone_from is not None and at >= self._alone_from
        if self._since is None or idle:
            self._since, self._waited = (at, committed), False
            return
        seconds, records = at - self._since[0], committed - self._since[1]
        if seconds < _MEASURE_S or not records:
            return
        if self._waited:
            wanted = records / seconds * DRAIN_S
            wanted = min(max(wanted, self._paced / _STEP), self._paced * _STEP)
            self._paced = min(max(round(wanted), LEAST), self._most)
        self._since, self._waited = (at, committed), False
