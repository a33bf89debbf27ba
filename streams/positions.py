"""Which offset of each partition may be committed, and whether records are missing.

Faust keeps its own list of acknowledged messages, and puts more on it than what an agent
acknowledged: messages that it skips while a rebalance or a stop is under way are acknowledged
too. So Faust's list is not used. `Positions` holds one number a partition, streams/consumer.py
makes Faust's consumer commit that number, and nothing else moves it.

Offsets may have holes without a record being lost: transactions end with a control record that
nobody is handed, records of an aborted transaction are skipped, compaction takes records out. So a
hole is a question, and the beginning of the partition answers it: records that are gone because
the log was cut (retention, delete_records, a broker in memory that dropped its oldest) lie before
the beginning; if the partition begins at or before the offset that we went on from, the broker
handed out all there is. Records below the beginning that only were a hole themselves cannot be
told from lost ones, and count as lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import structlog
from msgspec import Struct

from streams.contracts.errors import RecordsLost, SpotifireError

log = structlog.get_logger(__name__)


class Partition(NamedTuple):
    """Equal to, and hashed as, the (topic, partition) tuples of Faust and aiokafka."""

    topic: str
    partition: int


class Hole(Struct, frozen=True):
    """Offsets that no record came for: from `expected` up to, and without, `found`."""

    at: Partition
    expected: int
    found: int


class _Start(Struct, frozen=True):
    generation: int
    commit: int | None


class _Place(Struct):
    generation: int
    expected: int | None  # the next offset to read; None: nothing is known, any will do
    stored: int | None = None  # the next offset to commit
    dropped: int | None = None  # the first offset that was taken and given up: nothing from there on is committed


class Positions:
    """Where each assigned partition is read, and up to where it is stored. One event loop.

    `in_memory`: the broker forgets no commit, so a partition without one is read from offset 0.
    `accept_loss`: say it and go on. `short_lived`: topics whose records may expire unread.
    """

    def __init__(
        self, *, in_memory: bool = False, accept_loss: bool = False, short_lived: Collection[str] = ()
    ) -> None:
        self._in_memory = in_memory
        self._accept_loss = accept_loss
        self._short_lived = frozenset(short_lived)
        self._starts: dict[Partition, _Start] = {}
        self._places: dict[Partition, _Place] = {}

    def starts_at(self, commits: Mapping[Any, int | None], generation: int) -> None:
        """After an assignment, in that `generation`: the group's commits by (topic, partition).

        None or negative where it has none.
        """
        for (topic, partition), commit in commits.items():
            known = commit if commit is not None and commit >= 0 else None
            self._starts[Partition(topic, partition)] = _Start(generation, known)

    def take(self, at: Partition, *, start: int | None, first: int, end: int, generation: int) -> Hole | None:
        """Offsets from `first` up to `end` are about to be worked on, in the group's `generation`.

        `start` is where the reader went on before it found `first`, None at the beginning of an
        assignment. Gives the hole in front of `first`, if there is one: ask `filled` about it.
        Raises SpotifireError when records were read, and never came here.
        """
        place = self._places.get(at)
        if place is None or place.generation != generation:
            place = self._places[at] = _Place(generation, self._first(at, generation))
        expected, place.expected = place.expected, end
        if expected is None or first <= expected:
            return None
        if start is not None and start > expected:
            raise SpotifireError(
                f"Records of {at.topic}, partition {at.partition}, were read and dropped"
                f" (expected offset {expected}, went on at {start}).",
                cure="Start the worker again: it goes on from its commit.",
            )
        return Hole(at, expected, first)

    def filled(self, hole: Hole, beginning: int) -> None:
        """The partition's first offset is `beginning`. Raises RecordsLost if records vanished unread."""
        if beginning <= hole.expected:
            log.debug("offsets without a record", topic=hole.at.topic, partition=hole.at.partition, first=hole.expected)
            return
        lost = hole.found - hole.expected
        if hole.at.topic in self._short_lived:
            log.warning("records expired unread", topic=hole.at.topic, partition=hole.at.partition, expired=lost)
            return
        if self._accept_loss:
            log.error("records lost", topic=hole.at.topic, partition=hole.at.partition, lost=lost)
            return
        raise RecordsLost(
            f"{lost} records of {hole.at.topic}, partition {hole.at.partition}, vanished before they were"
            f" read (expected offset {hole.expected}, found {hole.found}).",
            cure="Import or collect those plays again; to go on with what is left, accept the loss once.",
        )

    def store(self, at: Partition, upto: int, generation: int) -> None:
        """Everything taken in that generation below offset `upto` is stored."""
        place = self._places.get(at)
        if place is not None and place.generation == generation:
            upto = upto if place.dropped is None else min(upto, place.dropped)
            place.stored = max(upto, place.stored or 0)

    def drop(self, at: Partition, first: int, generation: int) -> None:
        """What was taken in that generation from offset `first` on is not worked on, and must come again."""
        place = self._places.get(at)
        if place is not None and place.generation == generation:
            place.dropped = first if place.dropped is None else min(first, place.dropped)

    def stored(self, at: tuple[str, int]) -> int | None:
        """The offset to commit, or None while nothing was stored."""
        place = self._places.get(Partition(*at))
        return place.stored if place else None

    def forget(self, revoked: Collection[tuple[str, int]]) -> None:
        """These partitions are another's now."""
        for topic, partition in revoked:
            self._places.pop(Partition(topic, partition), None)

    def __iter__(self) -> Iterator[Partition]:
        return iter([at for at, place in self._places.items() if place.stored is not None])

    def _first(self, at: Partition, generation: int) -> int | None:
        """Where reading must begin. The commits of an older generation say nothing: others moved them since."""
        start = self._starts.get(at)
        if start is None or start.generation != generation:
            return None
        return 0 if start.commit is None and self._in_memory else start.commit


class InHand:
    """How many pieces of work are begun and not ended, and a way to wait until none is. One event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def begin(self) -> None:
        """One more."""
        self._count += 1
        self._none.clear()

    def end(self) -> None:
        """One less."""
        self._count -= 1
        if not self._count:
            self._none.set()

    def __bool__(self) -> bool:
        return self._count > 0

    async def finished(self, timeout_s: float | None = None) -> bool:
        """Wait until there is none; whether that came true within the time."""
        try:
            await asyncio.wait_for(self._none.wait(), timeout_s)
        except TimeoutError:
            return False
        return True
