"""When a worker is to be ended: it reads no more, or it stands still with records waiting.

Stalls are the commonest complaint about Faust, and what is stuck looks healthy from outside. A
worker that ended is started again by whoever runs it, and goes on from its commit; so ending one
too early costs a second, and never a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from streams.contracts.errors import SpotifireError, UserError
from streams.offsets import Standing
from streams.positions import Partition

_RESTART = "Start the worker again: it goes on from its commit."


class Reading(Protocol):
    """What is asked of the worker's consumer (streams/consumer.py)."""

    def dead(self) -> BaseException | None:
        """What ended the reading, if something did."""

    def member(self) -> bool:
        """Whether it is in the group, and the group is not dealing its partitions out."""

    def readable(self, at: Partition, end: int) -> int:
        """How far a partition that ends at `end` can be read now."""


class Stuck(SpotifireError):
    """The worker stands still, and time does not mend it."""


class Watchdog:
    """Looks at what stands still. All times are seconds of one monotonic clock.

    `stalled_s`: so long records of a topic may wait without a commit; one topic's commits say nothing
    of another's, whose slices may hang. `joining_s`: so long a worker may be
    outside the group; joining takes as long as the slowest other member needs to finish its work.
    """

    def __init__(self, now: float, *, stalled_s: float, joining_s: float) -> None:
        self._stalled_s = stalled_s
        self._joining_s = joining_s
        self._began = now  # nothing stood still before
        self._moved: dict[str, float] = {}
        self._member = now
        self._commits: dict[str, dict[tuple[str, int], int | None]] = {}

    def unknown(self, now: float) -> None:
        """The broker does not answer: nothing can be said, and nothing be committed."""
        self._began = self._member = now

    def look(self, now: float, reading: Reading, watched: Mapping[tuple[str, int], Standing], alive: float) -> None:
        """Raises Stuck, or the UserError that ended the reading. `watched` are the partitions to answer for.

        `alive` is when what the worker does was last seen to go on, or said that it waits for ClickHouse.
        """
        ended = reading.dead()
        if isinstance(ended, UserError):  # starting it again mends nothing
            raise ended
        if ended is not None:
            raise Stuck(f"The worker's connection to its group has ended: {ended!r}.", cure=_RESTART) from ended
        if not reading.member():
            if now - self._member > self._joining_s:
                raise Stuck(f"The worker could not join its group for {self._joining_s:.0f} s.", cure=_RESTART)
            self._began = now  # nothing can be committed meanwhile
            return
        self._member = now
        topics = {topic for topic, _ in watched}
        self._commits = {topic: commits for topic, commits in self._commits.items() if topic in topics}
        for topic in topics:
            of_topic = {at: each for at, each in watched.items() if at[0] == topic}
            commits = {at: each.committed for at, each in of_topic.items()}
            waiting = sum(
                max(0, reading.readable(Partition(*at), each.end) - each.position) for at, each in of_topic.items()
            )
            if not waiting or commits != self._commits.get(topic):
                self._moved[topic], self._commits[topic] = now, commits
            elif now - max(self._began, self._moved[topic], alive) > self._stalled_s:
                raise Stuck(
                    f"{waiting} records wait in {topic}, and nothing was done for {self._stalled_s:.0f} s.",
                    cure=_RESTART,
                )
