"""An exception of ours while a slice was worked on: which records bring it about, and when to stop.

A record that makes our code fail must not hold up the others; code that fails on many records must
not turn them all into dead letters.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from streams.contracts.errors import OurFault, Unavailable
from streams.outside import LookUpFailed

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

NOBODYS = (Unavailable, LookUpFailed)  # faults of no record

FEW = 3
PER_THOUSAND = 5
WINDOW = 1_000  # records over which small slices are counted together

log = structlog.get_logger(__name__)


def isolate(
    work: Callable[[Sequence[ItemT]], ResultT], items: Sequence[ItemT], allowed: int
) -> tuple[ResultT, list[tuple[ItemT, Exception]]]:
    """`work` of all items but those that make it fail, and those, each with its exception.

    They are found by halving. The exception comes out when it is one of NOBODYS, when more than
    `allowed` items fail, and when no item fails by itself.
    """
    try:
        return work(items), []
    except Exception as error:
        if isinstance(error, NOBODYS):
            raise
        culprits = _halve(work, items, error, allowed)
        if not culprits:
            raise
    guilty = {id(item) for item, _ in culprits}
    return work([item for item in items if id(item) not in guilty]), culprits


def _halve(
    work: Callable[[Sequence[ItemT]], ResultT], items: Sequence[ItemT], error: Exception, allowed: int
) -> list[tuple[ItemT, Exception]]:
    """The items of a failing sequence that fail alone; `error` is what the whole sequence raised."""
    if len(items) == 1:
        if allowed < 1:
            raise error
        return [(items[0], error)]
    found: list[tuple[ItemT, Exception]] = []
    middle = len(items) // 2
    for half in (items[:middle], items[middle:]):
        try:
            if half:
                work(half)
        except Exception as inner:
            if isinstance(inner, NOBODYS):
                raise
            found += _halve(work, half, inner, allowed - len(found))
    return found


class FaultBudget:
    """How many records may fail by our own fault: 3, or 5 in a thousand, of a slice.

    Slices are small when little happens, so the last WINDOW records count with them.
    """

    def __init__(self) -> None:
        self._slices: deque[tuple[int, int]] = deque()

    def allowed(self, records: int) -> int:
        """How many of the next slice, of so many records, may fail."""
        seen = sum(many for many, _ in self._slices)
        failed = sum(faults for _, faults in self._slices)
        return max(FEW, (seen + records) * PER_THOUSAND // 1000) - failed

    def spend(self, records: int, faults: int) -> None:
        """A slice is done."""
        self._slices.append((records, faults))
        while sum(many for many, _ in self._slices) - self._slices[0][0] >= WINDOW:
            self._slices.popleft()


def our_fault(error: Exception) -> OurFault:
    """The refusal of a record on which our code failed. Says where, and never what: its text may quote the record."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    at = "".join(f" in {Path(frame.filename).name}, line {frame.lineno}" for frame in where)
    log.error("a record failed by a fault of ours", fault=f"{type(error).__name__}{at}")
    return OurFault(f"{type(error).__name__}{at}")
