"""The agents, thin: a slice to the pipeline, its answers onto Kafka, then the acknowledgement.

The order is what makes nothing get lost:

1. `Pipeline` makes the rows durable in ClickHouse (dead letters among them).
2. Enriched plays and dead letters are published, and flushed: the broker has them.
3. The slice is acknowledged.

What time can mend (an error with `retriable`) is tried again for ever, in order. Any other
exception leaves the agent, crashes the app (CrashingSupervisor) and so ends the worker: the
slice is not acknowledged and comes again.

The pipeline is synchronous and runs in ONE thread that all agents share: so there is one writer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

import faust
import structlog
from faust.types import AgentT
from mode import CrashingSupervisor
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_never, wait_random_exponential

from streams.chunks import Slice
from streams.contracts import codec
from streams.contracts.errors import Refused, SpotifireError
from streams.contracts.events import ListenerCommand
from streams.contracts.ids import from_hex
from streams.contracts.record import Record
from streams.contracts.topics import DEAD_LETTER, LISTENER_COMMAND, PLAY_ENRICHED, PLAY_RECORDED, PLAYBACK_CHANGED
from streams.metrics import Metrics
from streams.pipeline import Outcome
from streams.publisher import Publisher
from streams.refusals import Refusal

_LONGEST_PAUSE_S = 10.0

log = structlog.get_logger(__name__)

T = TypeVar("T")


class SlicePipeline(Protocol):
    """What the agents need of streams.pipeline.Pipeline. Each method may repeat its work."""

    def run(self, records: Sequence[Record]) -> Outcome:
        """A slice of PLAY_RECORDED; returns when its rows are durable."""

    def command(self, listener: int) -> Outcome:
        """Work on the open commands of a listener."""

    def conclude(self, outcome: Outcome) -> Outcome:
        """Mark them as done, once what they changed is published."""

    def refuse(self, refusals: Sequence[Refusal]) -> Outcome:
        """Keep dead letters; returns when they are durable."""

    def playback(self, records: Sequence[Record]) -> Outcome:
        """A slice of PLAYBACK_CHANGED."""


class Work:
    """What is done with a slice, topic by topic."""

    def __init__(
        self, pipeline: SlicePipeline, publisher: Publisher, metrics: Metrics, *, publish_enriched: bool
    ) -> None:
        self._pipeline = pipeline
        self._publisher = publisher
        self._metrics = metrics
        self._publish_enriched = publish_enriched
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="spotifire-writer")
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Retry no more. What runs in the writer's thread ends when the store gives up or is done."""
        self._stopping.set()
        self._writer.shutdown(wait=False, cancel_futures=True)

    async def plays(self, records: list[Record]) -> None:
        """PLAY_RECORDED: sightings and plays."""
        started = time.monotonic()
        outcome = await self._write(self._pipeline.run, records)
        self._metrics.queryable(record.timestamp for record in records)
        await self._finish(PLAY_RECORDED.name, len(records), started, outcome)

    async def commands(self, records: list[Record]) -> None:
        """LISTENER_COMMAND: the record only wakes us; what to do stands in ClickHouse."""
        started = time.monotonic()
        listeners: dict[int, None] = {}
        refusals: list[Refusal] = []
        now = time.time_ns() // 1_000_000
        for record in records:
            try:
                event = codec.decode(ListenerCommand, record, now_ms=now)
            except Refused as error:
                log.warning("command refused", reason=error.reason, offset=record.offset)
                refusals.append(Refusal(record, error))
            else:
                listeners[from_hex(event.listener)] = None
        if refusals:
            outcome = await self._write(self._pipeline.refuse, refusals)
            await self._finish(LISTENER_COMMAND.name, len(refusals), started, outcome)
        for listener in listeners:
            started = time.monotonic()
            outcome = await self._write(self._pipeline.command, listener)
            await self._finish(LISTENER_COMMAND.name, 1, started, outcome)
            await self._write(self._pipeline.conclude, outcome)

    async def playback(self, records: list[Record]) -> None:
        """PLAYBACK_CHANGED: what plays now."""
        started = time.monotonic()
        outcome = await self._write(self._pipeline.playback, records)
        await self._finish(PLAYBACK_CHANGED.name, len(records), started, outcome)

    async def _write(self, work: Callable[[T], Outcome], what: T) -> Outcome:
        loop = asyncio.get_running_loop()
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_retriable),
            wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_PAUSE_S),
            stop=stop_never,
            sleep=self._pause,
            before_sleep=self._say,
            reraise=True,
        ):
            with attempt:
                return await loop.run_in_executor(self._writer, work, what)
        raise AssertionError("tenacity ends with a result or an exception")

    async def _finish(self, topic: str, records: int, started: float, outcome: Outcome) -> None:
        self._metrics.worked(
            topic,
            records,
            time.monotonic() - started,
            stored=outcome.stored,
            known=outcome.known,
            refused=outcome.refused,
            plays=outcome.plays,
        )
        if self._publish_enriched:
            for play in outcome.enriched:
                await self._publisher.publish(PLAY_ENRICHED, play)
        for key, value, headers in outcome.dead_letters:
            await self._publisher.publish_raw(DEAD_LETTER, key, value, headers)
        await self._publisher.flush()
        if self._publish_enriched:
            self._metrics.published(len(outcome.enriched))

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise asyncio.CancelledError

    def _say(self, state: RetryCallState) -> None:
        self._metrics.retried()
        error = state.outcome.exception() if state.outcome else None
        log.warning("slice is tried again", error=str(error), attempt=state.attempt_number)


def _retriable(error: BaseException) -> bool:
    return isinstance(error, SpotifireError) and error.retriable


Slicer = Callable[[Any], AsyncIterator[Slice]]
"""Turns an agent's stream into slices: streams.chunks.slices with its settings bound."""


def attach(app: faust.App, work: Work, slicer: Slicer) -> list[AgentT[Any]]:
    """Make the agents of the app: one a topic, and this list is all there are."""
    jobs: list[tuple[str, str, Callable[[list[Record]], Awaitable[None]]]] = [
        ("plays", PLAY_RECORDED.name, work.plays),
        ("commands", LISTENER_COMMAND.name, work.commands),
        ("playback", PLAYBACK_CHANGED.name, work.playback),
    ]
    return [_agent(app, name, topic, job, slicer) for name, topic, job in jobs]


def _agent(
    app: faust.App,
    name: str,
    topic: str,
    job: Callable[[list[Record]], Awaitable[None]],
    slicer: Slicer,
) -> AgentT[Any]:
    async def agent(stream: Any) -> None:
        # closed at once when the job raises, and not when the collector comes by
        async with aclosing(slicer(stream)) as parts:  # type: ignore[type-var]
            async for part in parts:
                await job(part.records)
                part.acknowledge()

    # raw and without types: Faust acknowledges what it cannot decode, so it decodes nothing
    channel = app.topic(topic, key_serializer="raw", value_serializer="raw")
    return app.agent(
        channel,
        name=f"spotifire.{name}",
        concurrency=1,  # two would acknowledge out of order
        supervisor_strategy=CrashingSupervisor,
    )(agent)
