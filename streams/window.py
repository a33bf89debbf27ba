"""How much of one partition is published and not yet committed by the worker: pure bookkeeping.

The window is measured against what the worker *committed*, not against what the broker
acknowledged: the in-process broker acknowledges a record and drops it later, unread, when
5 MiB or 100,000 newer ones have arrived. Several publishers may share a partition, so what lies between
its end and the committed offset and is not ours counts as well, at our own mean size; and after
a share of the window was sent without looking, the broker must be asked again.

Records are booked by the run: those of one batch have consecutive offsets, and of a run that is
committed in part the rest counts at the run's mean size.
"""

from __future__ import annotations

from collections import deque

_FIRST_GUESS = 512  # bytes a record, until we have sent one
_SHARES = 8  # of the window in bytes that may be sent between two looks at the broker
_SHARES_OF_RECORDS = 4  # the same in records, of which the in-process broker keeps far more
_LITTLE = 16  # share of the window, in bytes and records, that goes without a look: the broker keeps more than it
_MEMORY = 64  # records that the mean size follows


class Window:
    """One partition's window. Sizes are bytes as they lie there, offsets are the partition's.

    `max_records` may be changed at any time.
    """

    def __init__(self, max_bytes: int, max_records: int) -> None:
        self.max_bytes = max_bytes
        self.max_records = max_records
        self._sending = 0  # records handed to the producer, without an offset yet
        self._sending_bytes = 0
        self._runs: deque[tuple[int, int, int]] = deque()  # (first offset, records, bytes) ascending, not committed
        self._after: int | None = None  # the offset behind our last record
        self._waiting = 0  # records in the runs
        self._waiting_bytes = 0
        self._foreign = 0  # records of others between committed and end, when last looked
        self._unseen_bytes = max_bytes  # sent since the last look; a new window has never looked
        self._unseen = 0
        self._mean = float(_FIRST_GUESS)

    def sent(self, size: int, records: int = 1) -> None:
        """So many records, of `size` bytes together, were handed to the producer."""
        self._sending += records
        self._sending_bytes += size
        self._unseen += records
        self._unseen_bytes += size
        self._mean += (size / records - self._mean) * min(1.0, records / _MEMORY)

    def acknowledged(self, offset: int, size: int, records: int = 1, stored: int | None = None) -> bool:
        """The broker has them, the first at that offset; `stored` bytes after compression, where known.

        Whether records of others lie between these and our last ones.
        """
        company = self._after is not None and offset > self._after
        self._after = offset + records
        kept = size if stored is None else stored
        self._sending -= records
        self._sending_bytes -= size
        self._runs.append((offset, records, kept))
        self._waiting += records
        self._waiting_bytes += kept
        return company

    def failed(self, size: int, records: int = 1) -> None:
        """They will never have an offset."""
        self._sending -= records
        self._sending_bytes -= size

    def observed(self, end: int, committed: int) -> None:
        """What the broker says: the partition's end, and the next offset that the worker reads."""
        while self._runs and self._runs[0][0] < committed:
            first, records, size = self._runs.popleft()
            left = max(0, first + records - committed)
            kept = -(-size * left // records)  # rounded up
            self._waiting -= records - left
            self._waiting_bytes -= size - kept
            if left:
                self._runs.appendleft((committed, left, kept))
        ours = self._waiting
        for first, records, _ in reversed(self._runs):
            if first + records <= end:
                break
            ours -= min(records, first + records - end)  # acknowledged after the broker was asked
        self._foreign = max(0, end - committed - ours)
        self._unseen = 0
        self._unseen_bytes = 0

    @property
    def stale(self) -> bool:
        """Whether so much was sent since the last look that others may have filled the window."""
        return self._unseen_bytes * _SHARES >= self.max_bytes or (self._unseen * _SHARES_OF_RECORDS >= self.max_records)

    @property
    def records(self) -> int:
        """Records in the window, ours and others'."""
        return self._sending + self._waiting + self._foreign

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

    def little(self, size: int) -> bool:
        """Whether all of ours, with one more of that size, is so little that nobody's window need be looked at.

        Another process may keep the window full for as long as its import takes, and a play that is just
        over does not wait for that.
        """
        return (self._sending_bytes + self._waiting_bytes + size) * _LITTLE <= self.max_bytes and (
            self._sending + self._waiting + 1
        ) * _LITTLE <= self.max_records

    def free(self) -> tuple[int, int]:
        """(bytes, records) that may still be sent; never less than nothing."""
        return max(0, self.max_bytes - self.bytes), max(0, self.max_records - self.records)

    def roomy(self, size: int) -> bool:
        """Whether `size` bytes fit, or a share of the window: so that a full one is not filled record by record."""
        if not self.records:
            return True
        room, records = self.free()
        return room >= min(size, self.max_bytes // _SHARES) and records >= max(
            1, self.max_records // _SHARES_OF_RECORDS // 2
        )
