"""Which offset of each partition may be committed: only what somebody said is stored.

Faust keeps its own list of acknowledged messages, and puts more on it than what an agent
acknowledged: messages that it skips while a rebalance or a stop is under way are acknowledged
too, and on a partition without a commit such a message is committed although those before it
were never stored. So Faust's list is not used. `Positions` holds one number a partition,
`StoredOffsets` makes Faust's consumer commit that number, and nothing else moves it.

It also watches that no record is missing. Our topics are neither compacted nor transactional,
so their offsets have no holes; a hole means that records vanished before they were read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from msgspec import Struct

from streams.contracts.errors import RecordsLost

_WAIT_REBALANCE_S = 45.0  # of the 60 s that the broker waits for a member

log = structlog.get_logger(__name__)


class Partition(NamedTuple):
    """Equal to, and hashed as, the (topic, partition) tuples of Faust and aiokafka."""

    topic: str
    partition: int


class _Place(Struct):
    generation: int
    expected: int | None  # the next offset to read; None: nothing is known, any will do
    stored: int | None = None  # the next offset to commit


class Positions:
    """Where each assigned partition is read, and up to where it is stored. One event loop."""

    def __init__(self, *, in_memory: bool = False, accept_loss: bool = False) -> None:
        self._in_memory = in_memory
        self._accept_loss = accept_loss
        self._starts: dict[Partition, int | None] = {}
        self._places: dict[Partition, _Place] = {}

    def starts_at(self, commits: Mapping[tuple[str, int], int | None]) -> None:
        """After an assignment: the group's commits, None or negative where it has none."""
        for (topic, partition), commit in commits.items():
            known = commit if commit is not None and commit >= 0 else None
            self._starts[Partition(topic, partition)] = known

    def read(self, topic: str, partition: int, offset: int, generation: int) -> None:
        """A record is about to be worked on, in the group's `generation`.

        Raises RecordsLost when its offset is beyond the one that must come next.
        """
        at = Partition(topic, partition)
        place = self._places.get(at)
        if place is None or place.generation != generation:
            expected = self._starts.get(at)
            if expected is None and self._in_memory:
                expected = 0  # nothing expires there, and no commit is forgotten
            place = self._places[at] = _Place(generation, expected)
        if place.expected is not None and offset > place.expected:
            self._lost(at, place.expected, offset)
        place.expected = max(offset + 1, place.expected or 0)

    def store(self, topic: str, partition: int, upto: int, generation: int) -> None:
        """Everything read in that generation below offset `upto` is stored."""
        place = self._places.get(Partition(topic, partition))
        if place is not None and place.generation == generation:
            place.stored = max(upto, place.stored or 0)

    def stored(self, at: tuple[str, int]) -> int | None:
        """The offset to commit, or None while nothing was stored."""
        place = self._places.get(Partition(*at))
        return place.stored if place else None

    def forget(self, revoked: set[tuple[str, int]]) -> None:
        """These partitions are another's now."""
        for topic, partition in revoked:
            self._places.pop(Partition(topic, partition), None)

    def __iter__(self) -> Iterator[Partition]:
        return iter([at for at, place in self._places.items() if place.stored is not None])

    def _lost(self, at: Partition, expected: int, found: int) -> None:
        if self._accept_loss:
            log.error("records lost", topic=at.topic, partition=at.partition, lost=found - expected)
            return
        raise RecordsLost(
            f"{found - expected} records of {at.topic}, partition {at.partition}, vanished before they were"
            f" read (expected offset {expected}, found {found}).",
            cure="Import or collect those plays again; to go on with what is left, accept the loss once.",
        )


class InHand:
    """How many slices are being worked on, and a way to wait until none is."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        self._count += 1
        self._none.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()

    def __bool__(self) -> bool:
        return self._count > 0

    async def finished(self, timeout_s: float) -> bool:
        """Wait until no slice is in hand; whether that came true within the time."""
        try:
            await asyncio.wait_for(self._none.wait(), timeout_s)
        except TimeoutError:
            return False
        return True


class _ConsumerThread(AIOKafkaConsumerThread):
    """Faust fixes the longest wait of a fetch at 1.5 s, and the in-process broker always waits it out."""

    consumer: StoredOffsets
    logger = logging.getLogger("faust")  # not that of this module: what Faust says is Faust's

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = round(self.consumer.fetch_wait_s * 1000)
        return consumer


class StoredOffsets(Consumer):
    """Faust's Kafka consumer, committing `Positions` instead of what Faust acknowledged.

    Make one with `of(...)` and set it as the transport's Consumer before the app starts. Before
    partitions are given up (rebalance, stop) it waits for the slices in hand and commits them:
    so the next owner of a partition does not write beside us.
    """

    logger = logging.getLogger("faust")
    positions: Positions
    in_hand: InHand
    stop_s: float
    fetch_wait_s: float

    @classmethod
    def of(cls, positions: Positions, in_hand: InHand, *, stop_s: float, fetch_wait_s: float) -> type[StoredOffsets]:
        """A class bound to these, since Faust makes the instance itself."""
        bound = {
            "positions": positions,
            "in_hand": in_hand,
            "stop_s": stop_s,
            "fetch_wait_s": fetch_wait_s,
            "__module__": __name__,
        }
        return type("BoundStoredOffsets", (cls,), bound)

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """As Faust's, and tells where each partition starts."""
        commits: Mapping[Any, int] = await super().seek_to_committed()
        self.positions.starts_at(commits)
        return commits

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """As Faust's (which calls `wait_empty`), then forget them."""
        await super().on_partitions_revoked(revoked)
        self.positions.forget(revoked)

    async def wait_empty(self) -> None:
        """Wait for the slices in hand, then commit. New ones do not start: the flow is stopped."""
        limit = self.stop_s if self.app.should_stop else _WAIT_REBALANCE_S
        if not await self.in_hand.finished(limit):
            log.warning("giving partitions up with a slice unfinished", seconds=limit)
        await self.commit_and_end_transactions()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """As Faust's; nothing after a crash, for the thread that would answer has ended."""
        if self.app.crashed or self._thread.should_stop:
            return False
        done: bool = await super().commit(topics, start_new_transaction)
        return done

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Faust bridges holes here so that commits go on; for us a hole is an error (`Positions.read`)."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[Any]:
        return (at for at in self.positions if topics is None or at in topics or at.topic in topics)

    def _new_offset(self, tp: Any) -> int | None:
        return self.positions.stored(tp)
