"""The one way onto Kafka: a typed event becomes topic, key, bytes and headers.

What it promises:

- Idempotent and `acks=all`: a retry adds no second record, and an acknowledged record is safe
  from the death of a broker (as far as the topic's copies go).
- Bounded memory: at most two batches a partition wait for the broker; then publishing waits.
- Back-pressure from the worker: for PLAY_RECORDED, publishing waits while the window between what
  is published and what WORKER_GROUP has *committed* is full (see streams/window.py for why).
- A record that could not be sent is never forgotten: the next `publish`, `publish_many`, `flush`,
  `settled` or `stop` raises, and so does every one after it, for the order behind it is broken.

While a broker is down, nothing fails: aiokafka goes on trying, in order, for as long as it
takes (idempotent batches do not expire), and publishing waits. Put a time limit round the call
where somebody waits for an answer; a `publish` that was cancelled before it returned has
published nothing, a `publish_many` a first part of each partition's records.

One Publisher belongs to one event loop. Within a process share one: then the window is exact.
Publishers of other processes are seen, a share of the window late; a play
that is published alone waits for none of them, as long as little of ours is not committed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from types import TracebackType

import structlog
from msgspec import Struct

from streams.backpressure import Backpressure
from streams.batches import MIB, OVERHEAD, Part, Records, TooLarge, fill, partition_of, split
from streams.contracts import codec
from streams.contracts.errors import BrokerUnavailable, SpotifireError
from streams.contracts.record import Headers
from streams.contracts.topics import PLAY_RECORDED, WORKER_GROUP, Topic
from streams.offsets import GroupOffsets
from streams.sending import GIVE_UP_S, Codec, Future, Send, Sending

log = structlog.get_logger(__name__)


class PublisherSettings(Struct, frozen=True, kw_only=True):
    """Where and how to publish."""

    bootstrap: str
    group: str = WORKER_GROUP  # whose commits open the window
    # of the 5 MiB and 100,000 records a partition that the in-process broker keeps, as they are
    # stored; how many records wait within that follows the worker's pace (streams/pace.py)
    window_bytes: int = 4 * MIB
    window_records: int = 50_000
    # an export's rows shrink to a tenth, so the in-process broker keeps ten times as many; aiokafka's lz4 is that
    # of level 9, which takes 7 us a row, zstd 1
    compression: Codec | None = "zstd"
    linger_ms: int = 5  # a batch fills meanwhile; small beside the worker's linger
    batch_bytes: int = 128 * 1024  # 80,000 records/s with it, and four times less with aiokafka's 16 KiB
    request_timeout_ms: int = 40_000
    client_id: str = "spotifire"


class Publisher:
    """Publishes events. `start` before and `stop` after; usable as an async context manager."""

    def __init__(self, settings: PublisherSettings) -> None:
        self._settings = settings
        self._sending = Sending(settings.bootstrap)
        self._offsets = GroupOffsets(settings.bootstrap, settings.group)
        self._pressure = Backpressure(
            self._offsets, settings.window_bytes, settings.window_records, self._sending.producer
        )

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable when no broker answers."""
        settings = self._settings
        await self._sending.start(
            client_id=settings.client_id,
            linger_ms=settings.linger_ms,
            batch_bytes=settings.batch_bytes,
            compression=settings.compression,
            request_timeout_ms=settings.request_timeout_ms,
        )
        try:
            await self._offsets.start()
        except BrokerUnavailable:
            await self._sending.stop(GIVE_UP_S)
            raise

    async def stop(self, *, timeout_s: float | None = None) -> None:
        """Flush and disconnect; stopping twice changes nothing.

        Raises what could not be sent. Without `timeout_s` it waits for a broker that is down; with
        it, what is not acknowledged by then is given up, and BrokerUnavailable says so.
        """
        try:
            await self._sending.stop(timeout_s)
        finally:
            await self._offsets.stop()

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
            await self.stop(timeout_s=GIVE_UP_S)
        except SpotifireError as later:  # what is on its way already matters more
            log.warning("records not sent", error=later.message)

    async def publish(
        self, topic: Topic, event: Struct, *, key: str | None = None, import_id: str = "", origin: str = ""
    ) -> None:
        """Publish one event; returns when it is buffered, `flush` when it is safe.

        The key is made of the event's fields as the topic says, unless one is given. `import_id`
        (16 hexadecimal digits) and `origin` ("name.json#17") become headers.
        """
        made = key if key is not None else topic.key_of(event)
        await self.publish_raw(topic, made.encode(), codec.encode(event), _headers(import_id=import_id, origin=origin))

    async def publish_raw(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        """Publish bytes as they are: dead letters that are published again.

        Raises what an earlier record failed with. A record of more than 1 MiB fails itself.
        """
        count = await self._sending.partitions(topic)
        partition = time.monotonic_ns() % count if key is None else partition_of(key, count)
        size = OVERHEAD + len(key or b"") + len(value or b"")
        size += sum(len(name) + len(text or b"") + 2 for name, text in headers)
        if topic is PLAY_RECORDED:
            self._pressure.neighbour(partition)
            window = self._pressure.window(partition)
            while not window.little(size) and (window.stale or not window.room(size)):  # another may have taken it
                await self._pressure.room(partition, lambda found: found.little(size) or found.room(size))
        about = list(headers)
        await self._book(
            topic, partition, size, 1, lambda producer: producer.send(topic.name, value, key, partition, headers=about)
        )

    async def publish_many(
        self,
        topic: Topic,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        headers: Sequence[Headers] | None = None,
    ) -> None:
        """Publish many records as `publish_raw` does one, ten times as fast; returns when they are buffered.

        Those of one partition go in their order. `headers` has one entry a record; without it each
        gets those of an event. Where this raises, a first part of each partition's records may be
        published: a record of more than 1 MiB fails itself and what would follow it. Raises what an
        earlier record failed with.
        """
        if not keys:
            return
        count = await self._sending.partitions(topic)
        records = Records(keys, values, headers, common=_headers(import_id="", origin=""))
        parts = deque(split(keys, count, keyless=time.monotonic_ns() % count))
        while parts:  # in turns: one request to the broker takes one batch of every partition
            part = parts.popleft()
            await self._publish_batch(topic, part, records)
            if part.done < len(part.rows):
                parts.append(part)

    async def _publish_batch(self, topic: Topic, part: Part, records: Records) -> None:
        """Send the next batch of that part, as large as a batch and the window may be."""
        free: tuple[float, float] = (float("inf"), float("inf"))
        if topic is PLAY_RECORDED:
            window = self._pressure.window(part.partition)
            first = OVERHEAD + len(records.values[part.next] or b"")
            while window.stale or not (window.room(first) and window.roomy(self._settings.batch_bytes)):
                await self._pressure.room(
                    part.partition, lambda found: found.room(first) and found.roomy(self._settings.batch_bytes)
                )
            free = window.free()
        batch = self._sending.producer().create_batch()
        try:
            filled = fill(batch, part, records, time.time_ns() // 1_000_000, *free)
        except TooLarge as error:
            raise SpotifireError(f"A record for {topic.name} could not be published: it has {error} bytes.") from error
        await self._book(
            topic,
            part.partition,
            filled.size,
            filled.records,
            lambda producer: producer.send_batch(batch, topic.name, partition=part.partition),
            stored=batch.size,
        )
        part.done += filled.records

    async def flush(self) -> None:
        """Return when the broker has acknowledged every published record. Raises what failed."""
        await self._sending.flush()

    async def settled(self) -> None:
        """Return when the worker has committed every PLAY_RECORDED record published here.

        That is: when its rows are durable in ClickHouse, or it is among the dead letters. It
        waits for as long as no worker runs; put a time limit round it where somebody waits.
        """
        await self.flush()
        await self._pressure.settled()

    async def failed(self) -> None:
        """Wait until a record could not be sent, and raise why: nothing more can be published here."""
        await self._sending.failed()

    def waiting(self) -> int:
        """PLAY_RECORDED records that the worker had not committed when last asked."""
        return self._pressure.waiting()

    async def _book(
        self,
        topic: Topic,
        partition: int,
        size: int,
        records: int,
        send: Send,
        stored: Callable[[], int] | None = None,
    ) -> None:
        """Send records, and have the window follow what becomes of them."""
        if topic is not PLAY_RECORDED:
            await self._sending.hand_over(topic, send)
            return
        window = self._pressure.window(partition)
        window.sent(size, records)
        try:
            future = await self._sending.hand_over(topic, send)
        except BaseException:
            window.failed(size, records)
            raise
        future.add_done_callback(partial(self._follow, partition, size, records, stored))

    def _follow(
        self, partition: int, size: int, records: int, stored: Callable[[], int] | None, future: Future
    ) -> None:
        if future.cancelled() or future.exception() is not None:
            self._pressure.window(partition).failed(size, records)
        else:
            offset = future.result().offset
            self._pressure.acknowledged(partition, offset, size, records, stored() if stored else None)


@lru_cache(maxsize=1024)
def _headers(*, import_id: str, origin: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(codec.headers(import_id=import_id, origin=origin))
