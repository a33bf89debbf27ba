"""The agents: slices through the pipeline, its answers onto Kafka, then the acknowledgement.

    take    prepare     in one thread, slice after slice
            store       in up to two others, while the next slice is prepared
    finish  tell        enriched plays and dead letters are on Kafka
            acknowledge strictly in the order in which slices came

Nothing gets lost because a slice is acknowledged after its rows are durable and told, and never
before one that came earlier. Whoever retries for ever is the store, and `Outlet` for what only the
broker can mend; any exception that comes out here crashes the app (CrashingSupervisor) and so ends
the worker: nothing more is acknowledged, and it comes again.

There is one writer for a listener:

- A command (a piece of one) runs alone: nothing of plays is in flight, and nothing begins.
- Before the first work of a new assignment the pipeline forgets what it knows: others wrote meanwhile.
- What was read before partitions were taken away is dropped, unless it is being stored already.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, Protocol, TypeVar

import structlog
from msgspec import Struct

from streams.chunks import Slice
from streams.columns import Int64s
from streams.contracts import codec
from streams.contracts.errors import Refused
from streams.contracts.events import ListenerCommand
from streams.contracts.ids import from_hex
from streams.contracts.record import Record, Taken
from streams.contracts.topics import LISTENER_COMMAND, PLAY_RECORDED, PLAYBACK_CHANGED
from streams.metrics import Metrics, published_ms
from streams.outcome import Outcome
from streams.outlet import Outlet
from streams.positions import InHand
from streams.refusals import Refusal
from streams.threads import Threads
from streams.vitals import last_seen

_STORES = 2  # slices that are stored at once

log = structlog.get_logger(__name__)

PreparedT = TypeVar("PreparedT")
T = TypeVar("T")


class SlicePipeline(Protocol[PreparedT]):
    """What the agents need of streams.pipeline.Pipeline."""

    def prepare(self, records: Sequence[Taken]) -> PreparedT:
        """Work a slice of PLAY_RECORDED out. Reads only; one thread, in order."""

    def store(self, prepared: PreparedT) -> Outcome:
        """Make it durable. In any thread, two at once; may repeat."""

    def forget(self) -> None:
        """Partitions were assigned, and nothing is in flight."""

    def playback(self, records: Sequence[Taken]) -> Outcome:
        """A slice of PLAYBACK_CHANGED; durable when it returns."""

    def refuse(self, refusals: Sequence[Refusal]) -> Outcome:
        """Keep dead letters; durable when it returns."""


class CommandRunner(Protocol):
    """What the agents need of streams.commands.Commands."""

    def command(self, listener: int) -> Outcome:
        """The next piece of the listener's open commands; without `commands` when none is open."""

    def conclude(self, outcome: Outcome) -> Outcome:
        """What that piece told is published."""


class _Flying(Struct, Generic[PreparedT]):
    """A slice of plays between prepare and acknowledge. Without `storing`: it held no record."""

    part: Slice  # without its records
    published: Int64s  # the records' timestamps, Unix milliseconds UTC
    started: float
    storing: asyncio.Future[tuple[Outcome, float]] | None


class Work(Generic[PreparedT]):
    """What is done with slices, topic by topic. One event loop.

    `in_hand` counts what its threads have begun and not ended, also when nobody waits for it any more.
    """

    def __init__(
        self,
        pipeline: SlicePipeline[PreparedT],
        outlet: Outlet,
        metrics: Metrics,
        in_hand: InHand,
        *,
        publish_enriched: bool,
    ) -> None:
        self._pipeline = pipeline
        self._outlet = outlet
        self._metrics = metrics
        self._in_hand = in_hand
        self._publish_enriched = publish_enriched
        self._loop = asyncio.get_running_loop()
        self._reader = Threads(1, "spotifire-prepare")
        self._writers = Threads(_STORES, "spotifire-store")
        self._turn = asyncio.Lock()  # who holds it may begin plays, or have the store to themselves
        self._plays = InHand()
        self._generation = -1

    def stop(self) -> None:
        """Begin nothing more. What a thread runs ends when the store gives up or is done."""
        self._reader.stop()
        self._writers.stop()

    def alive(self) -> float:
        """When what it waits for was last seen to go on: seconds of the monotonic clock.

        All threads that have a job must go on: one that hangs is not hidden by another's work.
        """
        if busy := self._reader.busy() | self._writers.busy():
            return min(max(since, last_seen([thread])) for thread, since in busy.items())
        return last_seen([*self._reader.idents, *self._writers.idents, threading.get_ident()])

    async def plays(self, parts: AsyncIterator[Slice]) -> None:
        """PLAY_RECORDED: sightings and plays. Ends with what went wrong."""
        # with the slice that is finished and the one that waits to be put, at most three are in flight
        line: asyncio.Queue[_Flying[PreparedT]] = asyncio.Queue(1)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._finish(line), name="plays-finish")
                async for part in parts:
                    await self._take(part, line)
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def commands(self, runner: CommandRunner, parts: AsyncIterator[Slice]) -> None:
        """LISTENER_COMMAND: a record only wakes us; what to do stands in ClickHouse."""
        async for part in parts:
            listeners, refusals = _listeners(part.records)
            done = part.live()
            if refusals and done:
                started = time.monotonic()
                outcome = await self._in_thread(self._reader, self._pipeline.refuse, refusals)
                await self._tell(LISTENER_COMMAND.name, len(refusals), started, outcome)
            for listener in listeners:
                done = done and await self._command(runner, part, listener)
            if done:
                part.acknowledge()
            else:
                part.drop()

    async def playback(self, parts: AsyncIterator[Slice]) -> None:
        """PLAYBACK_CHANGED: what plays now."""
        async for part in parts:
            if not part.live():
                part.drop()
                continue
            if part.records:
                started = time.monotonic()
                outcome = await self._in_thread(self._reader, self._pipeline.playback, part.records)
                await self._tell(PLAYBACK_CHANGED.name, len(part.records), started, outcome)
            part.acknowledge()

    async def _take(self, part: Slice, line: asyncio.Queue[_Flying[PreparedT]]) -> None:
        """Prepare a slice and begin to store it."""
        async with self._turn:
            if not await self._begun(part):
                return
            started = time.monotonic()
            published = published_ms(part.records)
            storing = None
            if part.records:
                prepared = await self._in_thread(self._reader, self._pipeline.prepare, part.records)
                if not part.live():
                    part.drop()
                    return
                storing = self._in_thread(self._writers, self._stored, prepared)
                part.records = ()
                del prepared  # gone when it is stored, and not when there is room in the line
            self._plays.begin()
            await line.put(_Flying(part, published, started, storing))

    async def _finish(self, line: asyncio.Queue[_Flying[PreparedT]]) -> None:
        """Tell of slices and acknowledge them, in their order."""
        while True:
            flying = await line.get()
            if flying.storing is not None:
                outcome, insert_s = await flying.storing
                self._metrics.inserted(insert_s)
                self._metrics.queryable(flying.published)
                await self._tell(PLAY_RECORDED.name, len(flying.published), flying.started, outcome)
                del outcome
            flying.part.acknowledge()
            self._plays.end()
            del flying  # with what was told, not only when the next one comes

    async def _command(self, runner: CommandRunner, part: Slice, listener: int) -> bool:
        """All open commands of a listener, piece by piece; plays go on in between. Whether it came to the end."""
        while True:
            async with self._alone(part) as live:
                if not live:
                    return False
                started = time.monotonic()
                outcome = await self._in_thread(self._reader, runner.command, listener)
                await self._tell(LISTENER_COMMAND.name, 1, started, outcome)
                if not outcome.commands:
                    return True
                await self._in_thread(self._reader, runner.conclude, outcome)

    @asynccontextmanager
    async def _alone(self, part: Slice) -> AsyncIterator[bool]:
        """Nothing else reads or writes meanwhile. False: the slice's partitions are given up."""
        async with self._turn:
            await self._plays.finished()
            if part.live():
                await self._renew(part.generation)
            yield part.live()

    async def _begun(self, part: Slice) -> bool:
        if part.live():
            await self._renew(part.generation)
        if part.live():
            return True
        part.drop()
        return False

    async def _renew(self, generation: int) -> None:
        """Before the first work of an assignment: others may have written, so nothing known is true any more."""
        if generation != self._generation:
            await self._plays.finished()
            await self._in_thread(self._reader, self._pipeline.forget)
            self._generation = generation

    def _stored(self, prepared: PreparedT) -> tuple[Outcome, float]:
        began = time.monotonic()
        return self._pipeline.store(prepared), time.monotonic() - began

    def _in_thread(self, threads: Threads, work: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        def ended(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody counts any more
                self._loop.call_soon_threadsafe(self._in_hand.end)

        self._in_hand.begin()
        job = threads.submit(work, *args)
        job.add_done_callback(ended)
        return asyncio.wrap_future(job)

    async def _tell(self, topic: str, records: int, started: float, outcome: Outcome) -> None:
        self._metrics.worked(
            topic,
            records,
            time.monotonic() - started,
            stored=outcome.stored,
            known=outcome.known,
            refused=outcome.refused,
            plays=outcome.plays,
        )
        enriched = outcome.enriched if self._publish_enriched else type(outcome.enriched)()
        await self._outlet.tell(enriched, outcome.dead_letters, outcome.tombstones)
        self._metrics.published(len(enriched.keys))


def _listeners(records: Sequence[Taken]) -> tuple[list[int], list[Refusal]]:
    """Whose commands are to be looked at, each once, and what is no command."""
    listeners: dict[int, None] = {}
    refusals: list[Refusal] = []
    now = time.time_ns() // 1_000_000
    for taken in records:
        record = Record.of(taken)
        try:
            event = codec.decode(ListenerCommand, record, now_ms=now)
        except Refused as error:
            log.warning("command refused", reason=error.reason, offset=record.offset)
            refusals.append(Refusal(record, error))
        else:
            listeners[from_hex(event.listener)] = None
    return list(listeners), refusals
