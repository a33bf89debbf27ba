"""Simulated plays onto Kafka, through the same publisher as everybody's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from producers.simulator.listeners import SimulatedListener
from producers.simulator.simulator import Simulator, now_ms
from streams.contracts import codec
from streams.contracts.events import PlayRecorded
from streams.contracts.ids import to_hex
from streams.contracts.topics import PLAY_RECORDED, PLAYBACK_CHANGED, Topic

_GROUP = 1000  # plays that are encoded and published in one go


class EventPublisher(Protocol):
    """What the simulator needs of streams.publisher.Publisher."""

    async def publish(
        self, topic: Topic, event: Struct, *, key: str | None = None, import_id: str = "", origin: str = ""
    ) -> None:
        """Returns when the event is buffered; waits while too much is not yet committed."""

    async def publish_many(self, topic: Topic, keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> None:
        """The same for many at once, as bytes."""

    async def settled(self) -> None:
        """Returns when the worker has committed every play published here."""


async def produce_history(
    publisher: EventPublisher,
    simulator: Simulator,
    days: int,
    *,
    until_ms: int | None = None,
    listeners: Sequence[SimulatedListener] | None = None,
) -> int:
    """Publish what the listeners (of the demonstration) played in the last `days`; how many plays.

    Returns when all of it is stored. Listener by listener, each in order of time; raises what the
    publisher raises. Publishing the same again adds nothing.
    """
    published = 0
    until = now_ms() if until_ms is None else until_ms
    for listener in simulator.listeners if listeners is None else listeners:
        plays = await asyncio.to_thread(simulator.history, listener, days, until, published_at=now_ms())
        key = to_hex(listener.listener).encode()
        for start in range(0, len(plays), _GROUP):
            values = [codec.encode(play) for play in plays[start : start + _GROUP]]
            await publisher.publish_many(PLAY_RECORDED, [key] * len(values), values)
            await asyncio.sleep(0)  # publishing may never have waited, and others share this loop
        published += len(plays)
    await publisher.settled()
    return published


async def produce_live(
    publisher: EventPublisher,
    simulator: Simulator,
    stop: asyncio.Event,
    *,
    plays_per_second: float = 1.0,
    listeners: Sequence[SimulatedListener] | None = None,
) -> int:
    """Publish what the listeners play from now on, until `stop` is set; how many plays."""
    published = 0
    events = simulator.live(stop, listeners=listeners, plays_per_second=plays_per_second)
    async for event in events:
        is_play = isinstance(event, PlayRecorded)
        await publisher.publish(PLAY_RECORDED if is_play else PLAYBACK_CHANGED, event)
        published += is_play
    return published
