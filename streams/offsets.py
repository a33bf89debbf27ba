"""Where a consumer group stands on its topics: asked of the broker, and only when somebody asks.

Used by the publisher (its window), by the worker (its lag) and by tests. It joins no group and
fetches no record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from streams.contracts.errors import BrokerUnavailable


class Standing(Struct, frozen=True):
    """One partition: where the group goes on, its next offset, and the commit (None: never committed)."""

    position: int  # the commit, else the beginning, for the group reads from the earliest
    end: int
    committed: int | None

    @property
    def lag(self) -> int:
        """Records that the group has not committed. Never end minus *read*: that hides a stuck sink."""
        return max(0, self.end - self.position)


class GroupOffsets:
    """A connection that answers `read`. Kafka's own errors become BrokerUnavailable."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect."""
        # a group id without a subscription: it may ask for commits, and never joins
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, group_id=self._group, enable_auto_commit=False)
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            raise BrokerUnavailable(
                f"Kafka at {self._bootstrap} cannot be reached: {error}.",
                cure="Start it, or check the address.",
            ) from error
        self._consumer = consumer

    async def stop(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def read(
        self, partitions: Iterable[tuple[str, int]], *, timeout_s: float = 10.0
    ) -> dict[tuple[str, int], Standing]:
        """The standing of each (topic, partition). Raises BrokerUnavailable."""
        if self._consumer is None:
            raise BrokerUnavailable("Not connected to Kafka.")
        wanted = [TopicPartition(topic, partition) for topic, partition in partitions]
        try:
            async with asyncio.timeout(timeout_s):
                # commits first: a commit that comes between the two may only make the lag look larger
                commits = await asyncio.gather(*(self._consumer.committed(each) for each in wanted))
                fresh = [each for each, commit in zip(wanted, commits, strict=True) if commit is None]
                firsts = await self._consumer.beginning_offsets(fresh) if fresh else {}
                ends = await self._consumer.end_offsets(wanted)
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailable(
                f"Kafka at {self._bootstrap} did not answer: {error!r}.", cure="It is asked again."
            ) from error
        return {
            (each.topic, each.partition): Standing(firsts[each] if commit is None else commit, ends[each], commit)
            for each, commit in zip(wanted, commits, strict=True)
        }
