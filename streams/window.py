"""How much of one partition is published and not yet committed by the worker: pure bookkeeping.

The window is measured against what the worker *committed*, not against what the broker
acknowledged: the in-process broker acknowledges a record and drops it later, unread, when
5 MiB of newer ones have arrived. Several publishers may share a partition, so what lies between
its end and the committed offset and is not ours counts as well, at our own mean size; and after
a share of the window was sent without looking, the broker must be asked again.
"""

from __future__ import annotations

from collections import deque

_FIRST_GUESS = 512  # bytes a record, until we have sent one
_SHARES = 8  # of the window that may be sent between two looks at the broker


class Window:
    """One partition's window. Sizes are bytes, offsets are the partition's."""

    def __init__(self, max_bytes: int, max_records: int) -> None:
        self.max_bytes = max_bytes
        self.max_records = max_records
        self._sending = 0  # records handed to the producer, without an offset yet
        self._sending_bytes = 0
        self._waiting: deque[tuple[int, int]] = deque()  # (offset, size) ascending, not committed
        self._waiting_bytes = 0
        self._foreign = 0  # records of others between committed and end, when last looked
        self._unseen_bytes = max_bytes  # sent since the last look; a new window has never looked
        self._unseen = 0
        self._mean = float(_FIRST_GUESS)
        self.newest = -1  # highest offset that is ours

    def sent(self, size: int) -> None:
        """A record was handed to the producer."""
        self._sending += 1
        self._sending_bytes += size
        self._unseen += 1
        self._unseen_bytes += size
        self._mean += (size - self._mean) / 64

    def acknowledged(self, offset: int, size: int) -> None:
        """The broker has it, at that offset."""
        self._sending -= 1
        self._sending_bytes -= size
        self._waiting.append((offset, size))
        self._waiting_bytes += size
        self.newest = max(self.newest, offset)

    def failed(self, size: int) -> None:
        """It will never have an offset."""
        self._sending -= 1
        self._sending_bytes -= size

    def observed(self, end: int, committed: int) -> None:
        """What the broker says: the partition's end, and the next offset that the worker reads."""
        while self._waiting and self._waiting[0][0] < committed:
            self._waiting_bytes -= self._waiting.popleft()[1]
        ours = len(self._waiting)
        for offset, _ in reversed(self._waiting):
            if offset < end:
                break
            ours -= 1  # acknowledged after the broker was asked
        self._foreign = max(0, end - committed - ours)
        self._unseen = 0
        self._unseen_bytes = 0

    @property
    def stale(self) -> bool:
        """Whether so much was sent since the last look that others may have filled the window."""
        return self._unseen_bytes * _SHARES >= self.max_bytes or self._unseen * _SHARES >= self.max_records

    @property
    def records(self) -> int:
        """Records in the window, ours and others'."""
        return self._sending + len(self._waiting) + self._foreign

    @property
    def bytes(self) -> int:
        """Bytes in the window; those of others are an estimate."""
        return self._sending_bytes + self._waiting_bytes + round(self._foreign * self._mean)

    @property
    def open(self) -> bool:
        """Whether something of ours is not committed yet."""
        return bool(self._sending or self._waiting)

    def room(self, size: int) -> bool:
        """Whether one more record of that size fits. An empty window takes a record of any size."""
        if not self.records:
            return True
        return self.bytes + size <= self.max_bytes and self.records + 1 <= self.max_records
