"""The live hub: enriched plays and what plays now, from Kafka to whoever watches.

One consumer without a group, from the end of the topics, for all watchers. A watcher has a
bounded queue of its own: one that reads slowly loses its oldest messages, is told so once with
a `missed` message, and holds up nobody. While nobody watches nothing is read, and of what is
read only the records of those who are watched are decoded: an import goes by here at the
worker's full speed, in the process that serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from msgspec import Struct

from streams.contracts import codec, ids
from streams.contracts.errors import Refused
from streams.contracts.events import PlaybackChanged, PlayEnriched
from streams.contracts.record import Taken
from streams.contracts.topics import PLAY_ENRICHED, PLAYBACK_CHANGED

log = structlog.get_logger(__name__)

EVENTS: dict[str, type[PlayEnriched | PlaybackChanged]] = {
    PLAY_ENRICHED.name: PlayEnriched,
    PLAYBACK_CHANGED.name: PlaybackChanged,
}
QUEUE = 256  # messages that a watcher may lag behind
SEEN = 4096  # play ids whose highest version is remembered: events may repeat
BATCH = 500
WAIT_MS = 250  # for a record, before looking whether anybody still watches
RETRY = 2.0  # seconds between tries to reach the broker
REST = 1.0  # seconds between two moves to the topics' ends, while nobody watches


class Message(Struct, frozen=True):
    """What a watcher gets. `event` is None for `missed`: look at the stored plays again."""

    kind: Literal["play", "playback", "missed"]
    event: PlayEnriched | PlaybackChanged | None = None


class Watcher:
    """One listener's messages for one reader, oldest first."""

    def __init__(self, size: int) -> None:
        self._messages: deque[Message] = deque(maxlen=size)
        self._woken = asyncio.Event()
        self._missed = False

    def put(self, message: Message) -> None:
        """Never waits: a full queue drops its oldest message."""
        self._missed = self._missed or len(self._messages) == self._messages.maxlen
        self._messages.append(message)
        self._woken.set()

    async def get(self) -> Message:
        """The next message."""
        while not self._messages:
            self._woken.clear()
            await self._woken.wait()
        if self._missed:
            self._missed = False
            return Message("missed")
        return self._messages.popleft()


class LiveHub:
    """start() once in the loop that serves the API; watch() from any of its tasks."""

    def __init__(self, bootstrap: str, *, queue: int = QUEUE) -> None:
        self._bootstrap, self._queue = bootstrap, queue
        self._watchers: dict[bytes, set[Watcher]] = {}  # by the key of a listener's records
        self._watched = asyncio.Event()
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether the hub reads from the broker at this moment."""
        return self._connected.is_set()

    @property
    def watching(self) -> int:
        """How many watchers there are."""
        return sum(len(watchers) for watchers in self._watchers.values())

    async def start(self) -> None:
        """Begin to consume; returns at once, and the hub reconnects for ever by itself."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="live-hub")

    async def ready(self, seconds: float = 10.0) -> None:
        """Wait until events that are published from now on will be seen. Raises TimeoutError."""
        await asyncio.wait_for(self._connected.wait(), seconds)

    async def stop(self) -> None:
        """Stop consuming. Watchers get nothing more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._connected.clear()

    @contextlib.contextmanager
    def watch(self, listener: int) -> Iterator[Watcher]:
        """A watcher of one listener, for as long as the block lasts."""
        watcher = Watcher(self._queue)
        key = ids.to_hex(listener).encode()
        self._watchers.setdefault(key, set()).add(watcher)
        self._watched.set()
        try:
            yield watcher
        finally:
            watchers = self._watchers[key]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[key]
                if not self._watchers:
                    self._watched.clear()

    def deliver(self, record: Taken) -> None:
        """Hand one record to those who watch its listener; what cannot be read is skipped."""
        watchers = self._watchers.get(record.key or b"")
        if not watchers:  # most records of an import: not even decoded
            return
        try:
            event = codec.decode(EVENTS[record.topic], record, now_ms=time.time_ns() // 1_000_000)
        except Refused as refused:
            log.warning("live event refused", reason=refused.reason, topic=record.topic)
            return
        if isinstance(event, PlayEnriched):
            if not self._is_news(event):
                return
            message = Message("play", event)
        elif isinstance(event, PlaybackChanged):
            message = Message("playback", event)
        else:
            return
        for watcher in watchers:
            watcher.put(message)

    def _is_news(self, play: PlayEnriched) -> bool:
        which = (play.listener, play.play_id)  # two people may play the same track at the same second
        if self._seen.get(which, -1) >= play.version:
            return False
        self._seen[which] = play.version
        self._seen.move_to_end(which)
        if len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        return True

    async def _run(self) -> None:
        while True:
            try:
                async with _consumer(self._bootstrap) as consumer:
                    self._connected.set()
                    while True:
                        if not self._watchers:
                            await self._rest(consumer)
                        # in batches: an import of 100,000 plays goes by here, in the loop that serves
                        for records in (await consumer.getmany(timeout_ms=WAIT_MS, max_records=BATCH)).values():
                            for record in records:
                                self.deliver(record)
            except (KafkaError, OSError) as error:
                log.warning("live hub lost the broker, trying again", error=str(error))
            finally:
                self._connected.clear()
            await asyncio.sleep(RETRY)

    async def _rest(self, consumer: AIOKafkaConsumer) -> None:
        """Until somebody watches, read nothing and stay near the end.

        A watcher gets whatever is published after it came: with somebody watching the position
        never moves forward unread. It may get a second of what was published before.
        """
        partitions = consumer.assignment()
        consumer.pause(*partitions)
        while not self._watchers:
            ends = await consumer.end_offsets(partitions)
            if self._watchers:  # they came while the broker was asked
                break
            for partition, end in ends.items():
                consumer.seek(partition, end)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._watched.wait(), REST)
        consumer.resume(*partitions)


@contextlib.asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that stands at the end of every partition of the topics.

    Raises UnknownTopicOrPartitionError (a KafkaError) while a topic is not there yet.
    """
    consumer = AIOKafkaConsumer(
        *EVENTS,
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="latest",
    )
    try:
        await consumer.start()
        partitions = consumer.assignment()
        await consumer.seek_to_end(*partitions)
        for partition in partitions:  # from now on nothing that is published is missed
            await consumer.position(partition)
        yield consumer
    finally:
        await consumer.stop()
