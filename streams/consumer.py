"""Faust's Kafka consumer, handing out Runs instead of records, and committing what was stored.

The steps and the promises stand in streams/chunks.py; here is what Faust and aiokafka are told
otherwise. Both have no public way for most of it: what is reached into is tested against Apache Kafka.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer

from streams.contracts.errors import SpotifireError
from streams.fencing import Fence
from streams.positions import InHand, Partition, Positions
from streams.reading import Fetched, Run

_ASK_AGAIN_S = 1.0
_FRESH_S = 10.0  # what the last fetch said of a partition's end is believed so long
_STOP_SHARE = 0.75  # of the time that the broker waits for a member: the rest is for ending

log = structlog.get_logger(__name__)


class UnfinishedWork(SpotifireError):
    """Partitions were taken away, and what was in hand did not finish in time."""


class ConsumerThread(AIOKafkaConsumerThread):
    """aiokafka's consumer in its thread. Everything but `generation`, `dead`,
    `readable` and `keep_from_others` is called there."""

    consumer: StoredOffsets
    logger = logging.getLogger("faust")  # not that of this module: what Faust says is Faust's
    _assignment: Any = None
    _ends: dict[TopicPartition, int]
    _polling: AbstractContextManager[None]
    _fence: Fence | None = None

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust fixes it at 1.5 s, and the in-process broker always waits it out
        consumer._fetch_max_wait_ms = round(self.consumer.fetch_wait_s * 1000)
        # what a producer took back was never played; Faust ties this to its own transactions
        consumer._isolation_level = "read_committed"
        # With Faust's own assignor a worker gets the same partitions of every topic, so that the commands to
        # a listener go where its plays go. Without standby replicas (see app.py) Faust would take
        # aiokafka's, which deals each topic out by itself.
        consumer._partition_assignment_strategy = (self.app.assignor,)
        # A consumer that does not poll for broker_max_poll_interval leaves the group, and others write
        # beside what it has in hand. While ClickHouse is away nothing is polled, for however long, and
        # once Faust's flow has stopped aiokafka would never join again. So it counts as polling always;
        # what hangs is ended by the watchdog.
        self._polling = consumer._subscription.fetch_context()
        self._polling.__enter__()
        name = self.app.conf.consumer_group_instance_id
        self._fence = Fence(consumer, name) if name else None
        return consumer

    async def on_start(self) -> None:
        """As Faust's."""
        await super().on_start()
        self._ensure_consumer()._fetcher._records = Fetched()  # nothing is subscribed to, so it is empty

    async def _fetch_records(self, consumer: AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        return self._runs(consumer, await super()._fetch_records(consumer, *args, **kwargs))

    def _runs(self, consumer: AIOKafkaConsumer, found: Mapping[TopicPartition, list[Any]]) -> dict[Any, Run]:
        """What every partition's reader moved over since the last time, with its records."""
        subscription = consumer._subscription.subscription
        assignment = subscription.assignment if subscription else None
        if assignment is not self._assignment:
            self._assignment, self._ends = assignment, {}
        if assignment is None or not assignment.active:
            return {}
        generation, now = consumer._coordinator.generation, time.monotonic()
        runs = {}
        for at in assignment.tps:
            state = assignment.state_value(at)
            if not state.has_valid_position:
                continue
            records, start, end = found.get(at, []), self._ends.get(at), state.position
            if not records and (start or 0) >= end:
                continue
            if start is not None and records:
                start = min(start, records[0].offset)
            self._ends[at] = end
            runs[at] = Run(Partition(*at), records, start, end, generation, now)
        return runs

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """As Faust's."""
        commits: Mapping[Any, int] = await self.call_thread(self._seek_to_committed)
        return commits

    async def _seek_to_committed(self) -> Mapping[Any, int]:
        commits: Mapping[Any, int] = await self._ensure_consumer().seek_to_committed()
        self._ends = {}
        return commits

    async def on_thread_stop(self) -> None:
        """As Faust's, but not with work unfinished: see `keep_from_others`."""
        if self.consumer.in_hand:
            self.keep_from_others()
        await super().on_thread_stop()

    def keep_from_others(self) -> None:
        """Neither leave the group nor join it again: others get our partitions once the broker has given us up.

        aiokafka goes on joining after a revocation that failed. With us back in the group, or gone from it,
        others would begin at once, beside what a thread of ours still writes.
        """
        if self._consumer is None or self._consumer._coordinator is None:
            return
        log.warning("work is unfinished; its partitions are kept from others until the broker gives us up")
        coordinator = self._consumer._coordinator
        coordinator.generation = -1  # it says goodbye only in a generation
        coordinator._max_poll_interval = -1.0  # it does not join again when nothing was polled for so long

    def generation(self) -> int:
        """The group's generation that we are a member of, or -1."""
        if self._consumer is None or self._consumer._coordinator is None:
            return -1
        return int(self._consumer._coordinator.generation)

    def dead(self) -> BaseException | None:
        """What ended it. Faust would not notice: an error of aiokafka's tasks goes to who fetches with `getmany`."""
        if self.should_stop:
            return None
        if self._fence is not None and self._fence.error is not None:
            return self._fence.error
        if self._thread is not None and not self._thread.is_alive():
            return SpotifireError("The consumer's thread has ended.")
        consumer = self._consumer
        if consumer is None or consumer._coordinator is None or consumer._fetcher is None:
            return None
        for task in (consumer._coordinator._coordination_task, consumer._fetcher._fetch_task):
            if task.done() and not task.cancelled():
                return task.exception() or SpotifireError("A task of the consumer has ended.")
        pending: BaseException | None = consumer._coordinator._pending_exception
        return pending

    def readable(self, at: Partition, end: int) -> int:
        """How far it can be read now: to `end`, or to the first transaction that is still open."""
        assignment = self._assignment
        state = assignment.state_value(TopicPartition(*at)) if assignment is not None else None
        if state is None or state.lso is None or time.time() - (state.timestamp or 0) / 1000 > _FRESH_S:
            return end
        return min(end, int(state.lso))


class StoredOffsets(Consumer):
    """Faust's Kafka consumer, committing `Positions` instead of what Faust acknowledged.

    Make one with `of(...)` and set it as the transport's Consumer before the app starts.
    """

    logger = logging.getLogger("faust")
    positions: Positions
    in_hand: InHand
    stop_s: float
    fetch_wait_s: float
    _thread: ConsumerThread
    _waited = False

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

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def live(self, generation: int) -> bool:
        """Whether what was read in that generation may still be worked on here."""
        return (
            self.app.flow_control.is_active()
            and generation == self.app.consumer_generation_id
            and generation == self._thread.generation()
        )

    def member(self) -> bool:
        """Whether we are in the group, and it is not dealing its partitions out."""
        return self._thread.generation() >= 0 and not self.app.rebalancing

    def own(self) -> set[tuple[str, int]]:
        """The (topic, partition) that are assigned to us."""
        try:
            return {(at.topic, at.partition) for at in self.assignment()}
        except ConsumerNotStarted:
            return set()

    def dead(self) -> BaseException | None:
        """What ended the reading, if something did."""
        return self._thread.dead()

    def readable(self, at: Partition, end: int) -> int:
        """How far a partition that ends at `end` can be read now."""
        return self._thread.readable(at, end)

    async def perform_seek(self) -> None:
        """As Faust's, but what came before counts for nothing: Faust drops what lies below what it has read."""
        generation = self.app.consumer_generation_id
        commits = await self.seek_to_committed()
        if generation == self.app.consumer_generation_id:
            self.positions.starts_at(commits, generation)
        self._read_offset.clear()
        self._committed_offset.update({at: commit for at, commit in commits.items() if commit is not None})

    def on_buffer_full(self, tp: Any) -> None:
        """Faust would read its other partitions on, and sleep for 1 s without one; a full buffer is waited for."""

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """As Faust's (which calls `wait_empty`), then forget them."""
        await super().on_partitions_revoked(revoked)
        self.positions.forget(revoked)

    async def wait_empty(self) -> None:
        """Wait for what is in hand, then commit. Nothing new starts: the flow is stopped. Raises UnfinishedWork."""
        if self.app.crashed:
            return
        stopping = self.app.should_stop
        limit = self.stop_s if stopping else self.app.conf.broker_rebalance_timeout * _STOP_SHARE
        if stopping and self._waited:
            limit = 0.0  # Faust asks twice
        self._waited = stopping
        finished = await self.in_hand.finished(limit)
        await self.commit_and_end_transactions()
        if not finished and not stopping:
            self._thread.keep_from_others()
            raise UnfinishedWork(
                f"Partitions were taken away, and what was in hand did not finish within {limit:.0f} s.",
                cure="See whether ClickHouse answers; then start the worker again.",
            )

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """As Faust's; nothing after a crash, for the thread that would answer has ended."""
        if self.app.crashed or self._thread.should_stop:
            return False
        done: bool = await super().commit(topics, start_new_transaction)
        return done

    async def beginning(self, at: Partition) -> int:
        """The first offset that the partition has. Asks until the broker answers."""
        where = TopicPartition(*at)
        while True:
            try:
                return int((await self.earliest_offsets(where))[where])
            except KafkaError as error:
                log.warning("the beginning of a partition is unknown", error=repr(error))
                await asyncio.sleep(_ASK_AGAIN_S)

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Faust bridges holes here so that commits go on; ours go on by themselves."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[Any]:
        return (at for at in self.positions if topics is None or at in topics or at.topic in topics)

    def _new_offset(self, tp: Any) -> int | None:
        return self.positions.stored(tp)

    def _should_commit(self, tp: Any, offset: int) -> bool:
        # also a smaller one: a partition that was made anew begins at 0 again
        return bool(self._committed_offset[tp] != offset)
