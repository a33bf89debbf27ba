"""The one way onto Kafka: a typed event becomes topic, key, bytes and headers.

What it promises:

- Idempotent and `acks=all`: a retry adds no second record, and an acknowledged record is safe
  from the death of a broker (as far as the topic's copies go).
- Bounded memory: at most two batches a partition wait for the broker; then `publish` waits.
- Back-pressure from the worker: for PLAY_RECORDED, `publish` waits while the window between what
  is published and what WORKER_GROUP has *committed* is full (see streams/window.py for why).
- A record that could not be sent is never forgotten: the next `publish`, `flush`, `settled` or
  `stop` raises, and so does every one after it, for the order behind it is broken.

While a broker is down, nothing fails: aiokafka goes on trying, in order, for as long as it
takes (idempotent batches do not expire), and `publish` waits. Put a time limit round the call
where somebody waits for an answer; a `publish` that was cancelled before it returned has
published nothing.

One Publisher belongs to one event loop. Within a process share one: then the window is exact.
Publishers of other processes are seen, a share of the window late.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from functools import lru_cache, partial
from types import TracebackType

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError
from aiokafka.partitioner import murmur2
from aiokafka.structs import RecordMetadata
from msgspec import Struct

from streams.contracts import codec
from streams.contracts.errors import BrokerUnavailable, SpotifireError, UserError
from streams.contracts.topics import PLAY_RECORDED, WORKER_GROUP, Topic
from streams.offsets import GroupOffsets
from streams.window import Window

MIB = 1024 * 1024
_RECORD_OVERHEAD = 32  # bytes of a record beside key, value and headers: lengths, offsets, its batch's header
_LOOK_S = 0.05  # between two looks at the commits, while waiting for them
_GIVE_UP_S = 5.0  # for the broker, when an exception is on its way
_SAY_S = 30.0  # how often a wait is logged

log = structlog.get_logger(__name__)

Headers = Sequence[tuple[str, bytes | None]]  # Kafka allows a header without a value


class PublisherSettings(Struct, frozen=True, kw_only=True):
    """Where and how to publish."""

    bootstrap: str
    group: str = WORKER_GROUP  # whose commits open the window
    # of the 5 MiB and 100,000 records a partition that the in-process broker keeps; on a real
    # broker it bounds how long a live play waits behind an import on the same partition
    window_bytes: int = 4 * MIB
    window_records: int = 50_000
    linger_ms: int = 5  # a batch fills meanwhile; small beside the worker's linger
    batch_bytes: int = 128 * 1024  # 80,000 records/s with it, and four times less with aiokafka's 16 KiB
    request_timeout_ms: int = 40_000
    client_id: str = "spotifire"


class Publisher:
    """Publishes events. `start` before and `stop` after; usable as an async context manager."""

    def __init__(self, settings: PublisherSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._offsets = GroupOffsets(settings.bootstrap, settings.group)
        self._windows: dict[int, Window] = {}
        self._failure: SpotifireError | None = None
        self._broken = asyncio.Event()
        self._looking = asyncio.Lock()
        self._looked_at = 0.0
        self._partitions: dict[str, int] = {}

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable when no broker answers."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap,
            client_id=self._settings.client_id,
            enable_idempotence=True,
            acks="all",
            linger_ms=self._settings.linger_ms,
            max_batch_size=self._settings.batch_bytes,
            request_timeout_ms=self._settings.request_timeout_ms,
        )
        try:
            await producer.start()
            await self._offsets.start()
        except KafkaError as error:
            await producer.stop()
            raise BrokerUnavailable(
                f"Kafka at {self._settings.bootstrap} cannot be reached: {error}.",
                cure="Start it, or check the address.",
            ) from error
        except BrokerUnavailable:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self, *, timeout_s: float | None = None) -> None:
        """Flush and disconnect; stopping twice changes nothing.

        Raises what could not be sent. Without `timeout_s` it waits for a broker that is down; with
        it, what is not acknowledged by then is given up, and BrokerUnavailable says so.
        """
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await producer.flush()
        except TimeoutError:
            await _give_up(producer)
        finally:
            await self._offsets.stop()
            await producer.stop()
        await asyncio.sleep(0)  # the futures' callbacks
        self._raise_failure()

    async def __aenter__(self) -> Publisher:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.stop()
            return
        try:
            await self.stop(timeout_s=_GIVE_UP_S)
        except SpotifireError as later:  # what is on its way already matters more
            log.warning("records not sent", error=later.message)

    async def publish(
        self, topic: Topic, event: Struct, *, key: str | None = None, import_id: str = "", origin: str = ""
    ) -> None:
        """Publish one event; returns when it is buffered, `flush` when it is safe.

        The key is made of the event's fields as the topic says, unless one is given. `import_id`
        (16 hexadecimal digits) and `origin` ("name.json#17") become headers.
        """
        made = key if key is not None else _key(topic, event)
        await self.publish_raw(topic, made.encode(), codec.encode(event), _headers(import_id=import_id, origin=origin))

    async def publish_raw(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        """Publish bytes as they are: dead letters, and what an importer can make no event of.

        Raises what an earlier record failed with. A record of more than 1 MiB fails itself.
        """
        partition = await self._partition(topic, key)
        size = _RECORD_OVERHEAD + len(key or b"") + len(value or b"")
        size += sum(len(name) + len(text or b"") + 2 for name, text in headers)
        window = self._window(partition) if topic is PLAY_RECORDED else None
        if window is not None:
            while window.stale or not window.room(size):
                await self._wait_for_room(partition, window, size)
            window.sent(size)
        try:
            future = await self._send(topic, key, value, headers, partition)
        except BaseException:
            if window is not None:
                window.failed(size)
            raise
        future.add_done_callback(partial(self._sent, topic.name, window, size))

    async def flush(self) -> None:
        """Return when the broker has acknowledged every published record. Raises what failed."""
        self._raise_failure()
        await self._running().flush()
        await asyncio.sleep(0)  # the futures' callbacks run after the batch is done
        self._raise_failure()

    async def settled(self) -> None:
        """Return when the worker has committed every PLAY_RECORDED record published here.

        That is: when its rows are durable in ClickHouse, or it is among the dead letters. It
        waits for as long as no worker runs; put a time limit round it where somebody waits.
        """
        await self.flush()
        said = time.monotonic()
        while any(window.open for window in self._windows.values()):
            await self._look()
            self._raise_failure()
            if not any(window.open for window in self._windows.values()):
                return
            said = self._say(said, "waiting for the worker to store what was published")
            await asyncio.sleep(_LOOK_S)

    async def failed(self) -> None:
        """Wait until a record could not be sent, and raise why: nothing more can be published here."""
        await self._broken.wait()
        self._raise_failure()

    def waiting(self) -> int:
        """PLAY_RECORDED records that the worker had not committed when last asked."""
        return sum(window.records for window in self._windows.values())

    async def _send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        partition: int,
    ) -> asyncio.Future[RecordMetadata]:
        while True:
            self._raise_failure()
            try:
                future: asyncio.Future[RecordMetadata] = await self._running().send(
                    topic.name, value, key=key, partition=partition, headers=list(headers)
                )
            except KafkaTimeoutError:  # its buffer is full, and the broker is down: it was not taken
                log.warning("broker does not take records", topic=topic.name)
            except KafkaError as error:
                raise _failed(topic.name, error) from error
            else:
                return future

    def _sent(self, topic: str, window: Window | None, size: int, future: asyncio.Future[RecordMetadata]) -> None:
        if future.cancelled():
            error: BaseException | None = asyncio.CancelledError()
        else:
            error = future.exception()
        if error is None:
            if window is not None:
                window.acknowledged(future.result().offset, size)
            return
        if window is not None:
            window.failed(size)
        if self._failure is None:
            log.error("record not sent", topic=topic, error=repr(error))
            self._failure = _failed(topic, error)
            self._failure.__cause__ = error
            self._broken.set()

    async def _partition(self, topic: Topic, key: bytes | None) -> int:
        """Kafka's own rule for a key; a record without one goes anywhere."""
        count = self._partitions.get(topic.name)
        if count is None:
            count = await self._count_partitions(topic)
        if key is None:
            return time.monotonic_ns() % count
        return _hash(key) % count

    async def _count_partitions(self, topic: Topic) -> int:
        said = time.monotonic()
        while True:
            self._raise_failure()
            try:
                count = len(await self._running().partitions_for(topic.name))
            except UnknownTopicOrPartitionError as error:
                raise UserError(
                    f"The topic {topic.name} does not exist on Kafka at {self._settings.bootstrap}.",
                    cure="Start again: the topics are created at every start.",
                ) from error
            except KafkaError as error:
                if not error.retriable:
                    raise _failed(topic.name, error) from error
                said = self._say(said, "waiting for the broker")
                await asyncio.sleep(1.0)
            else:
                self._partitions[topic.name] = count
                return count

    def _window(self, partition: int) -> Window:
        window = self._windows.get(partition)
        if window is None:
            window = Window(self._settings.window_bytes, self._settings.window_records)
            self._windows[partition] = window
        return window

    async def _wait_for_room(self, partition: int, window: Window, size: int) -> None:
        said = time.monotonic()
        while True:
            self._raise_failure()
            self._running()
            await self._look()
            if not window.stale and window.room(size):
                return
            said = self._say(said, "waiting for the worker to take what was published", partition=partition)
            await asyncio.sleep(_LOOK_S)

    async def _look(self) -> None:
        """Ask the broker where the group stands; callers that come meanwhile share the answer."""
        asked = time.monotonic()
        async with self._looking:
            if self._looked_at > asked:
                return
            asked = time.monotonic()
            topic = PLAY_RECORDED.name
            try:
                standings = await self._offsets.read((topic, each) for each in self._windows)
            except BrokerUnavailable as error:
                log.warning("cannot see the worker's commits", error=error.message)
                await asyncio.sleep(1.0)
                return
            for (_, partition), standing in standings.items():
                self._windows[partition].observed(standing.end, standing.position)
            self._looked_at = asked

    def _say(self, since: float, what: str, **about: object) -> float:
        """Log a wait every 30 s; when it was last said."""
        now = time.monotonic()
        if now - since < _SAY_S:
            return since
        log.warning(what, records=self.waiting(), **about)
        return now

    def _running(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise SpotifireError("The publisher is not running.")
        return self._producer

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


async def _give_up(producer: AIOKafkaProducer) -> None:
    """Fail what was not sent, else `producer.stop` waits for the broker. There is no public way."""
    sending = producer._sender.sender_task
    sending.cancel()
    await asyncio.wait({sending}, timeout=_GIVE_UP_S)  # first, for it would put batches back
    producer._message_accumulator.fail_all(KafkaConnectionError("the broker is down"))


def _failed(topic: str, error: BaseException) -> SpotifireError:
    text = f"A record for {topic} could not be published: {error!r}."
    if getattr(error, "retriable", False):
        return BrokerUnavailable(text)
    return SpotifireError(text)


def _key(topic: Topic, event: Struct) -> str:
    """`listener|window` -> the event's own two values, joined the same way."""
    return re.sub(r"[a-z_]+", lambda name: str(getattr(event, name[0])), topic.key)


@lru_cache(maxsize=1024)
def _headers(*, import_id: str, origin: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(codec.headers(import_id=import_id, origin=origin))


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFF_FFFF
