"""The engine between Kafka and the agents: an agent is handed slices, and acknowledges each one.

    1. aiokafka fetches in a thread of its own          consumer.ConsumerThread, reading.Fetched
    2. what one fetch gave of a partition is a Run      consumer.ConsumerThread._runs
    3. each Run is ONE message to Faust                 reading.SliceScheduler
    4. Faust hands it to the topic's agent              (flow control, rebalances: all Faust's)
    5. Runs of all partitions are gathered to a Slice   slices, here
    6. the agent works on it, and acknowledges          agents.Work
    7. what was acknowledged is committed               consumer.StoredOffsets, positions.Positions

One message for each Run, and not for each record, is what makes it fast: Faust costs 100 µs a message.

Agents rely on these, and on nothing else:

1. A slice holds at most `max_records` records, of any of the topic's partitions. Those of one
   partition stand in the order of their offsets, and the next slice goes on where this one ended:
   no record is left out. If one vanished from the broker, RecordsLost is raised.
2. The first slice after an assignment starts at the group's commit, or at the beginning.
   Records can come again after a rebalance or a restart, never fewer.
3. Nothing is committed but what `Slice.acknowledge` named, and nothing behind a slice that was
   dropped. Slices must be acknowledged in the order in which they came; several may be out.
4. A slice acknowledges nothing once its partitions were taken away, and `live` says so before.
5. While idle a record waits at most `linger_s` for company. While the agent is slow, reading stops:
   memory is bounded by what a fetch gives, `stream_buffer_maxsize` Runs, and the slices that are out.
6. Before partitions are given up, what is in hand may finish, and is committed. If it does not
   within the time that the broker gives, the worker ends (UnfinishedWork): it must not write beside
   the partitions' next owner. One that stops so does not leave the group either: the broker keeps
   its partitions until its session ends.
7. Offsets without a record are fine: control records of transactions, aborted records (only what is
   committed is read), what compaction took out. They are committed with the records before them, so
   that a partition ending with them has no lag. A slice may so be without records: acknowledge it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

from msgspec import Struct

from streams.consumer import StoredOffsets
from streams.contracts.record import Taken
from streams.positions import InHand, Partition, Positions
from streams.reading import Run

_AT_HAND_S = 0.005  # in which a Run that is there already comes out of Faust


class Slice(Struct):
    """Records to work on together. Call `acknowledge` once all that they ask for is durable, else `drop`.

    It alone holds the records: set them to () when they are worked out, so that a slice which is still
    out costs no memory for them.
    """

    records: Sequence[Taken]
    generation: int
    live: Callable[[], bool]  # False: the partitions are given up, so do not begin
    acknowledge: Callable[[], None]
    drop: Callable[[], None]


async def slices(
    stream: Any, positions: Positions, in_hand: InHand, *, max_records: int, linger_s: float
) -> AsyncIterator[Slice]:
    """The slices of a Faust stream of Runs. Each is in hand until it is acknowledged or dropped. Raises RecordsLost."""
    consumer: StoredOffsets = stream.app.consumer
    reader = _Reader(stream)
    out: set[int] = set()  # the slices that are neither acknowledged nor dropped, by number
    try:
        for number in count():
            runs = await reader.some(max_records, linger_s)
            if not runs:
                return  # Faust ends the stream
            generation = runs[-1].generation
            if not consumer.live(generation):
                continue  # they come again, here or elsewhere
            runs = [run for run in runs if run.generation == generation]
            for run in runs:
                hole = positions.take(run.at, start=run.start, first=run.first, end=run.end, generation=generation)
                if hole is not None:
                    positions.filled(hole, await consumer.beginning(hole.at))
            in_hand.begin()
            out.add(number)
            part = Slice(
                records=runs[0].records if len(runs) == 1 else [record for run in runs for record in run.records],
                generation=generation,
                live=partial(consumer.live, generation),
                acknowledge=partial(
                    _acknowledge, number, out, {run.at: run.end for run in runs}, generation, positions, in_hand
                ),
                drop=partial(_drop, number, out, _firsts(runs), generation, positions, in_hand),
            )
            del run, runs  # they hold the records too
            yield part
    finally:
        for number in tuple(out):
            _ended(number, out, in_hand)
        await reader.close()


def _acknowledge(
    number: int, out: set[int], ends: Mapping[Partition, int], generation: int, positions: Positions, in_hand: InHand
) -> None:
    for at, end in ends.items():
        positions.store(at, end, generation)
    _ended(number, out, in_hand)


def _drop(
    number: int, out: set[int], firsts: Mapping[Partition, int], generation: int, positions: Positions, in_hand: InHand
) -> None:
    for at, first in firsts.items():
        positions.drop(at, first, generation)
    _ended(number, out, in_hand)


def _firsts(runs: Sequence[Run]) -> dict[Partition, int]:
    """Where each partition's records begin: of several Runs of one the first counts."""
    return {run.at: run.first for run in reversed(runs)}


def _ended(number: int, out: set[int], in_hand: InHand) -> None:
    if number in out:
        out.remove(number)
        in_hand.end()


class _Reader:
    """Takes Runs out of a Faust stream, with a limit on the wait that loses none."""

    def __init__(self, stream: Any) -> None:
        self._events = stream.noack().events()
        self._ahead: asyncio.Task[Any] | None = None
        self._held: Run | None = None

    async def some(self, max_records: int, linger_s: float) -> list[Run]:
        """A Run, and those that join it in time; together at most `max_records` records. None when Faust ends."""
        first, self._held = self._held or await self._within(None), None
        if first is None:
            return []
        runs, records = [first], len(first.records)
        until = first.taken_at + linger_s
        while records < max_records:
            run = await self._within(max(_AT_HAND_S, until - time.monotonic()))
            if run is None:
                break
            records += len(run.records)
            if records > max_records:
                self._held = run
                break
            runs.append(run)
        return runs

    async def close(self) -> None:
        """End what is under way in the stream."""
        if self._ahead is not None:
            self._ahead.cancel()
            with suppress(asyncio.CancelledError):
                await self._ahead
        await self._events.aclose()

    async def _within(self, timeout_s: float | None) -> Run | None:
        """The next Run; None when it does not come in time, or never."""
        if self._ahead is None:
            self._ahead = asyncio.ensure_future(anext(self._events, None))
        done, _ = await asyncio.wait({self._ahead}, timeout=timeout_s)
        if not done:
            return None
        ahead, self._ahead = self._ahead, None
        event = ahead.result()
        return event.value if event is not None else None
