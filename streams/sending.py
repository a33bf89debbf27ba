"""One idempotent producer, and the memory of what it could not send.

Everything that goes wrong with a record is kept: from then on every call raises it, since the
order behind a lost record is broken. While a broker is down nothing goes wrong: it is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal, TypeAlias

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError
from aiokafka.structs import RecordMetadata

from streams.backpressure import Waiting
from streams.contracts.errors import BrokerUnavailable, SpotifireError, UserError
from streams.contracts.topics import Topic

GIVE_UP_S = 5.0  # for the broker, when an exception is on its way

Codec: TypeAlias = Literal["lz4", "zstd", "snappy", "gzip"]
Future: TypeAlias = asyncio.Future[RecordMetadata]
Send: TypeAlias = Callable[[AIOKafkaProducer], Awaitable[Future]]
"""Hands a record or a batch to the producer: its `send` or `send_batch` with the arguments bound."""

log = structlog.get_logger(__name__)


class Sending:
    """A producer of one event loop. `start` first; what was handed over before `stop` is sent by it."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._failure: SpotifireError | None = None
        self._broken = asyncio.Event()
        self._partitions: dict[str, int] = {}

    async def start(
        self, *, client_id: str, linger_ms: int, batch_bytes: int, compression: Codec | None, request_timeout_ms: int
    ) -> None:
        """Connect. Raises BrokerUnavailable when no broker answers."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=client_id,
            enable_idempotence=True,
            acks="all",
            linger_ms=linger_ms,
            max_batch_size=batch_bytes,
            compression_type=compression,
            request_timeout_ms=request_timeout_ms,
        )
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise BrokerUnavailable(
                f"Kafka at {self._bootstrap} cannot be reached: {error}.", cure="Start it, or check the address."
            ) from error
        self._producer = producer

    async def stop(self, timeout_s: float | None) -> None:
        """Flush, disconnect and raise what could not be sent; what is not acknowledged in time is given up."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await producer.flush()
        except TimeoutError:
            await _give_up(producer)
        finally:
            await producer.stop()
        await asyncio.sleep(0)  # the futures' callbacks
        self._raise_failure()

    async def flush(self) -> None:
        """Return when everything is acknowledged. Raises what failed."""
        await self.producer().flush()
        await asyncio.sleep(0)  # the futures' callbacks run after the batch is done
        self._raise_failure()

    async def failed(self) -> None:
        """Wait for a failure and raise it."""
        await self._broken.wait()
        self._raise_failure()

    def producer(self) -> AIOKafkaProducer:
        """The producer. Raises what failed before, and when it does not run."""
        self._raise_failure()
        if self._producer is None:
            raise SpotifireError("The publisher is not running.")
        return self._producer

    async def partitions(self, topic: Topic) -> int:
        """How many partitions the topic has. Raises UserError where there is no such topic."""
        return self._partitions.get(topic.name) or await self._count(topic)

    async def hand_over(self, topic: Topic, send: Send) -> Future:
        """The future of what `send` handed to the producer; waits while its buffer is full."""
        while True:
            try:
                future = await send(self.producer())
            except KafkaTimeoutError:  # its buffer is full, and the broker is down: it was not taken
                log.warning("broker does not take records", topic=topic.name)
            except KafkaError as error:
                raise _failed(topic.name, error) from error
            else:
                future.add_done_callback(partial(self._sent, topic.name))
                return future

    def _sent(self, topic: str, future: Future) -> None:
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if error is not None and self._failure is None:
            log.error("record not sent", topic=topic, error=repr(error))
            self._failure = _failed(topic, error)
            self._failure.__cause__ = error
            self._broken.set()

    async def _count(self, topic: Topic) -> int:
        long = Waiting("waiting for the broker")
        while True:
            try:
                count = len(await self.producer().partitions_for(topic.name))
            except UnknownTopicOrPartitionError as error:
                raise UserError(
                    f"The topic {topic.name} does not exist on Kafka at {self._bootstrap}.",
                    cure="Start again: the topics are created at every start.",
                ) from error
            except KafkaError as error:
                if not error.retriable:
                    raise _failed(topic.name, error) from error
                long.tick()
                await asyncio.sleep(1.0)
            else:
                self._partitions[topic.name] = count
                return count

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


async def _give_up(producer: AIOKafkaProducer) -> None:
    """Fail what was not sent, else `producer.stop` waits for the broker. There is no public way."""
    sending = producer._sender.sender_task
    sending.cancel()
    await asyncio.wait({sending}, timeout=GIVE_UP_S)  # first, for it would put batches back
    producer._message_accumulator.fail_all(KafkaConnectionError("the broker is down"))


def _failed(topic: str, error: BaseException) -> SpotifireError:
    text = f"A record for {topic} could not be published: {error!r}."
    if getattr(error, "retriable", False):
        return BrokerUnavailable(text)
    return SpotifireError(text)
