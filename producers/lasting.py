"""Publishing what a topic keeps of a listener until a tombstone takes it back, beside somebody who erases them.

    the row is stored -> not erased? -> published, acknowledged -> erased by now? -> tombstones

An erasure sets its cut-off, then reads the keys of the rows, then publishes its tombstones. Who is not erased
at the second look is so only later: the row is among those that are read, and the record lies before its
tombstone. Who is erased gets the tombstone from here, behind the record. What remains is a process that is
killed, or loses its database or its broker, after it published and before its second look, where the
cut-off and the erasure's tombstones fell between its first look and its publishing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from streams.contracts import codec
from streams.contracts.errors import SpotifireError
from streams.contracts.events import LibraryItem, ListenerProfile
from streams.contracts.ids import from_hex, to_hex
from streams.contracts.topics import Topic

LAST_LOOK_S = 3.0  # of who is cancelled, or whose broker failed

T = TypeVar("T")

Erased = Callable[[Collection[int]], Collection[int]]
"""Who of these listeners was erased, or is to be. Blocks; may raise StoreUnavailable."""


class PublishesMany(Protocol):
    """The one way onto Kafka (streams.publisher.Publisher). Both may raise BrokerUnavailable (retriable)."""

    async def publish_many(self, topic: Topic, keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> None:
        """Buffer many records; waits while too much is under way."""

    async def flush(self) -> None:
        """Return when the broker has everything that was published."""


async def publish_lasting(
    publisher: PublishesMany,
    topic: Topic,
    events: Sequence[LibraryItem | ListenerProfile],
    erased: Erased,
) -> int:
    """Publish events whose rows are stored, on a topic of topics.LASTING; how many stand there when it returns.

    Raises StoreUnavailable and BrokerUnavailable.
    """
    gone = await _gone(erased, events)
    kept = [event for event in events if event.listener not in gone]
    if not kept:
        return 0
    keys = [topic.key_of(event).encode() for event in kept]

    async def take_back() -> int:
        gone = await _gone(erased, kept)
        theirs = [key for key, event in zip(keys, kept, strict=True) if event.listener in gone]
        if theirs:
            await publisher.publish_many(topic, theirs, [None] * len(theirs))
            await publisher.flush()
        return len(theirs)

    try:
        await publisher.publish_many(topic, keys, [codec.encode(event) for event in kept])
        await publisher.flush()
    except (Exception, asyncio.CancelledError):
        # a first part may be published; and a collector is cancelled just when its listener is erased
        with suppress(SpotifireError, TimeoutError):
            async with asyncio.timeout(LAST_LOOK_S):
                await take_back()
        raise
    return len(kept) - await take_back()


async def to_its_end(work: Callable[[], T]) -> T:
    """In a thread, and not left before it ends: who is cancelled may be erased next, or the database closed."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.gather(working, return_exceptions=True)
        raise


async def _gone(erased: Erased, events: Sequence[LibraryItem | ListenerProfile]) -> set[str]:
    listeners = {from_hex(event.listener) for event in events}
    return {to_hex(each) for each in await to_its_end(partial(erased, listeners))} if listeners else set()
