"""The rows of an export onto Kafka: find the files, read and publish row by row, wait until all is stored.

Bounded by what the worker has committed (streams/window.py). It asks no database, so that it can be done in a
process of its own. Reading and decoding run in a thread beside the event loop.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from msgspec import Struct

from producers.history.archive import Exports, Ignored
from producers.history.reading import Batch, read_export
from producers.history.zips import Limits
from streams.contracts import codec, ids
from streams.contracts.record import ORIGIN, Headers
from streams.contracts.topics import PLAY_RECORDED, Topic

KEPT_IGNORED = 200  # files left out that the import remembers


class PlayPublisher(Protocol):
    """What an import needs of streams.publisher.Publisher."""

    async def publish_many(
        self,
        topic: Topic,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        headers: Sequence[Headers] | None = None,
    ) -> None:
        """Returns when the records are buffered; waits while too much is not yet committed."""

    async def settled(self) -> None:
        """Returns when the worker has committed everything published here."""


class Found(Struct, frozen=True, kw_only=True):
    """What an export holds, before the first row is read."""

    files: list[str]
    ignored: list[Ignored]  # files that are left out, and why; the first of them


class Progress(Struct, frozen=True, kw_only=True):
    """How far an import is. `state`: reading, storing (all is published), done."""

    import_id: str
    state: str
    read: int  # rows
    published: int  # records
    bytes_done: int
    bytes_total: int
    file: str = ""
    ignored: tuple[Ignored, ...] = ()  # files that were left out, and why


class Fed(Struct, frozen=True, kw_only=True):
    """What was read, when all of it is stored. `repeats`: rows that say what an earlier row said."""

    read: int
    repeats: int


OnFound = Callable[[Found], Awaitable[None]]
OnProgress = Callable[[Progress], Awaitable[None]]


class Feed(Protocol):
    """`feed` with its publisher, here or in another process."""

    async def __call__(
        self, paths: Sequence[Path], listener: int, import_id: int, found: OnFound, tell: OnProgress
    ) -> Fed:
        """As `feed`; raises the same."""


async def feed(
    paths: Sequence[Path],
    listener: int,
    import_id: int,
    found: OnFound,
    tell: OnProgress,
    *,
    publisher: PlayPublisher,
    limits: Limits | None = None,
) -> Fed:
    """Publish every row of the files at `paths` (zips, folders, JSON files) as `listener`'s, a 64-bit id.

    `found` is awaited before the first row, `tell` about every 4,000 rows. Raises UserError for input that a
    person must mend, and what `found`, `tell` and the publisher raise.
    """
    exports = await asyncio.to_thread(Exports, paths, limits)
    with exports:
        await found(Found(files=[file.label for file in exports.files], ignored=exports.ignored[:KEPT_IGNORED]))
        feeding = _Feeding(exports, listener, import_id, publisher, tell)
        await feeding.publish_all()
        await publisher.settled()
        return Fed(read=feeding.read, repeats=feeding.repeats())


class _Feeding:
    """One import's counters, and the loop from the reader to the publisher."""

    def __init__(
        self, exports: Exports, listener: int, import_id: int, publisher: PlayPublisher, tell: OnProgress
    ) -> None:
        self.read = 0
        self._published = 0
        self._position = 0
        self._label = ""
        self._sightings = array("Q")  # 8 bytes a row: all that is kept of it
        self._exports = exports
        self._listener = listener
        self._import_id = import_id
        self._publisher = publisher
        self._tell = tell
        self._ignored = tuple(exports.ignored[:KEPT_IGNORED])

    async def publish_all(self) -> None:
        """Every row of every file, the next batch being read while one is published."""
        batches = read_export(self._exports.files, self._listener, self._import_id, time.time_ns() // 1_000_000)
        ahead = asyncio.create_task(asyncio.to_thread(_next, batches))
        try:
            while (batch := await asyncio.shield(ahead)) is not None:
                ahead = asyncio.create_task(asyncio.to_thread(_next, batches))
                await self._publish(batch)
                await self._tell(self._progress("reading"))
            await self._tell(self._progress("storing"))
        finally:
            await asyncio.gather(ahead, return_exceptions=True)  # its thread holds the files open
            batches.close()

    async def _publish(self, batch: Batch) -> None:
        key = ids.to_hex(self._listener).encode()
        common = codec.headers(import_id=ids.to_hex(self._import_id))
        await self._publisher.publish_many(
            PLAY_RECORDED,
            [key] * len(batch.records),
            [record.value for record in batch.records],
            [[*common, (ORIGIN, record.origin.encode("utf-8", "replace"))] for record in batch.records],
        )
        self._sightings.extend(record.sighting_id for record in batch.records if record.sighting_id)
        self._published += len(batch.records)
        self.read, self._position, self._label = batch.rows, batch.position, batch.label
        await asyncio.sleep(0)  # publishing may never have waited, and others share this loop

    def _progress(self, state: str) -> Progress:
        return Progress(
            import_id=ids.to_hex(self._import_id),
            state=state,
            read=self.read,
            published=self._published,
            bytes_done=self._position,
            bytes_total=self._exports.size,
            file=self._label,
            ignored=self._ignored,
        )

    def repeats(self) -> int:
        """Rows that say what an earlier row of this import said: they are known, and count once."""
        found = np.frombuffer(self._sightings, dtype=np.uint64) if self._sightings else np.empty(0, np.uint64)
        return int(found.size - np.unique(found).size)


def _next(batches: Iterator[Batch]) -> Batch | None:
    return next(batches, None)
