"""Publishing waits for the worker: the windows of all partitions, and the looks at its commits.

Looking costs two round trips to the broker, so a partition is asked about only when its window
is full, when a share of it was sent since the last look, or when somebody waits for its end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

import structlog

from streams.contracts.errors import BrokerUnavailable
from streams.contracts.topics import PLAY_RECORDED
from streams.offsets import GroupOffsets
from streams.pace import Pace
from streams.window import Window

LOOK_S = 0.05  # between two looks at the commits, while waiting for them
SAY_S = 30.0  # how often a wait is logged

log = structlog.get_logger(__name__)


class Waiting:
    """Logs a long wait, every 30 s."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._said = time.monotonic()

    def tick(self, **about: object) -> None:
        """Still waiting."""
        now = time.monotonic()
        if now - self._said >= SAY_S:
            self._said = now
            log.warning(self._what, **about)


class Backpressure:
    """The windows of PLAY_RECORDED's partitions. `check` raises when nothing can be published any more."""

    def __init__(self, offsets: GroupOffsets, max_bytes: int, max_records: int, check: Callable[[], object]) -> None:
        self._offsets = offsets
        self._max_bytes = max_bytes
        self._max_records = max_records
        self._check = check
        self._windows: dict[int, Window] = {}
        self._paces: dict[int, Pace] = {}
        self._looking = asyncio.Lock()
        self._looked_at: dict[int, float] = {}

    def window(self, partition: int) -> Window:
        """That partition's window."""
        found = self._windows.get(partition)
        if found is None:
            pace = self._paces[partition] = Pace(self._max_records)
            found = self._windows[partition] = Window(self._max_bytes, pace.limit)
        return found

    def acknowledged(self, partition: int, offset: int, size: int, records: int, stored: int | None) -> None:
        """The broker has records of ours, the first at that offset; `stored` bytes after compression, where known."""
        company = self.window(partition).acknowledged(offset, size, records, stored)
        self._acknowledged(partition, company=company)

    def neighbour(self, partition: int) -> None:
        """A record of its own is published there, for which somebody may be waiting."""
        self._acknowledged(partition, company=True)

    def waiting(self) -> int:
        """Records that the worker had not committed when last asked."""
        return sum(window.records for window in self._windows.values())

    async def room(self, partition: int, fits: Callable[[Window], bool]) -> None:
        """Return when the window was looked at lately and `fits` it. Raises what `check` raises."""
        window = self.window(partition)
        if not window.stale and fits(window):
            return
        long = Waiting("waiting for the worker to take what was published")
        while True:
            self._check()
            await self._look((partition,))
            if not window.stale and fits(window):
                return
            self._paces[partition].waited()
            long.tick(partition=partition, records=self.waiting())
            await asyncio.sleep(LOOK_S)

    async def settled(self) -> None:
        """Return when the worker has committed all that was acknowledged. Raises what `check` raises."""
        long = Waiting("waiting for the worker to store what was published")
        while unsettled := [number for number, window in self._windows.items() if window.open]:
            await self._look(unsettled)
            self._check()
            if not any(self._windows[number].open for number in unsettled):
                continue
            long.tick(records=self.waiting())
            await asyncio.sleep(LOOK_S)

    def _acknowledged(self, partition: int, *, company: bool) -> None:
        window, pace = self.window(partition), self._paces[partition]
        pace.acknowledged(time.monotonic(), company=company)
        window.max_records = pace.limit

    async def _look(self, partitions: Collection[int]) -> None:
        """Ask the broker where the group stands; callers that come meanwhile share the answer."""
        asked = time.monotonic()
        async with self._looking:
            wanted = [each for each in partitions if self._looked_at.get(each, 0.0) <= asked]
            if not wanted:
                return
            asked = time.monotonic()
            try:
                standings = await self._offsets.read((PLAY_RECORDED.name, each) for each in wanted)
            except BrokerUnavailable as error:
                log.warning("cannot see the worker's commits", error=error.message)
                await asyncio.sleep(1.0)
                return
            for (_, partition), standing in standings.items():
                window, pace = self._windows[partition], self._paces[partition]
                window.observed(standing.end, standing.position)
                pace.looked(standing.position, asked)
                window.max_records = pace.limit
                self._looked_at[partition] = asked
