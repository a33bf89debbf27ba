"""Brings an export in: read, publish, wait until it is stored, reconcile.

    scan the paths -> note the import -> rows -> Kafka (bounded by what the worker has committed)
    -> wait for the last commit -> count by queries what became of every row

Killed anywhere, it is simply started again: a row's id says what the row says, so what was
stored before is known then. Reading and decoding run in a thread beside the event loop.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog
from msgspec import Struct
from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from producers.history.archive import Exports, Ignored
from producers.history.reading import Batch, read_export
from producers.history.zips import Limits
from streams.contracts import codec, ids
from streams.contracts.errors import SpotifireError
from streams.contracts.ports import ImportLedger, Reconciliation
from streams.contracts.record import ORIGIN, Headers
from streams.contracts.topics import PLAY_RECORDED, Topic

KEPT_IGNORED = 200  # files left out that the import remembers
LEDGER_S = 0.5  # between two notes of progress in the ledger
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 15.0  # between two tries to reconcile, doubling

log = structlog.get_logger(__name__)


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


async def run_import(
    paths: Sequence[Path],
    listener: int,
    publisher: PlayPublisher,
    ledger: ImportLedger,
    on_progress: Callable[[Progress], None],
    *,
    import_id: int | None = None,
    limits: Limits | None = None,
) -> Reconciliation:
    """Import the files at `paths` (zips, folders, JSON files) for `listener`, a 64-bit id.

    `on_progress` is called on the event loop, about every 4,000 rows. Raises UserError for input
    that a person must mend (nothing noted when it is found before the first row, else the import
    is noted as failed), SpotifireError when the reconciliation does not add up, and what the
    publisher raises. A cancelled import is noted as failed too. A ledger that is away once rows are
    published is waited for.
    """
    started = time.monotonic()
    exports = await asyncio.to_thread(Exports, paths, limits)
    with exports:
        number = ids.new_id() if import_id is None else import_id
        for ignored in exports.ignored:
            log.info("file left out", file=ignored.label, why=ignored.why)
        left_out = [(ignored.label, ignored.why) for ignored in exports.ignored[:KEPT_IGNORED]]
        await asyncio.to_thread(ledger.start, listener, number, [file.label for file in exports.files], left_out)
        run = _Run(exports, listener, number, publisher, ledger, on_progress)
        try:
            await run.publish_all()
            await publisher.settled()
        except BaseException as error:
            await _note_failure(ledger, number, error)
            raise
        try:
            reconciliation = await _reconcile(ledger, number, run.read, run.repeats(), started)
        except asyncio.CancelledError as error:  # any other has stored the report, or why there is none
            await _note_failure(ledger, number, error)
            raise
        run.tell("done")
        return reconciliation


class _Run:
    """One import's counters, and the loop from the reader to the publisher."""

    def __init__(
        self,
        exports: Exports,
        listener: int,
        import_id: int,
        publisher: PlayPublisher,
        ledger: ImportLedger,
        on_progress: Callable[[Progress], None],
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
        self._ledger = ledger
        self._on_progress = on_progress
        self._ignored = tuple(exports.ignored[:KEPT_IGNORED])

    async def publish_all(self) -> None:
        """Every row of every file, the next batch being read while one is published."""
        batches = read_export(self._exports.files, self._listener, self._import_id, time.time_ns() // 1_000_000)
        noted = time.monotonic()
        ahead = asyncio.create_task(asyncio.to_thread(_next, batches))
        try:
            while (batch := await asyncio.shield(ahead)) is not None:
                ahead = asyncio.create_task(asyncio.to_thread(_next, batches))
                await self._publish(batch)
                self.tell("reading")
                if time.monotonic() - noted >= LEDGER_S:
                    await self._note()
                    noted = time.monotonic()
            await self._note()
            self.tell("storing")
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

    async def _note(self) -> None:
        """For whoever watches: while the ledger is away nobody learns of it, and the import goes on."""
        try:
            await asyncio.to_thread(self._ledger.progress, self._import_id, self.read, self._published)
        except SpotifireError as error:
            if not error.retriable:
                raise
            log.warning("the import's progress could not be noted", why=error.message)

    def tell(self, state: str) -> None:
        """Call `on_progress`."""
        self._on_progress(
            Progress(
                import_id=ids.to_hex(self._import_id),
                state=state,
                read=self.read,
                published=self._published,
                bytes_done=self._position,
                bytes_total=self._exports.size,
                file=self._label,
                ignored=self._ignored,
            )
        )

    def repeats(self) -> int:
        """Rows that say what an earlier row of this import said: they are known, and count once."""
        found = np.frombuffer(self._sightings, dtype=np.uint64) if self._sightings else np.empty(0, np.uint64)
        return int(found.size - np.unique(found).size)


def _next(batches: Iterator[Batch]) -> Batch | None:
    return next(batches, None)


async def _reconcile(ledger: ImportLedger, import_id: int, read: int, repeats: int, started: float) -> Reconciliation:
    """`finish`, tried again for as long as the ledger is away: every row is stored already, so only this is missing."""
    asking = AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, SpotifireError) and error.retriable),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
        before_sleep=lambda state: log.warning("waiting for the ledger to reconcile", attempt=state.attempt_number),
        reraise=True,
    )
    return await asking(asyncio.to_thread, ledger.finish, import_id, read, repeats, time.monotonic() - started)


async def _note_failure(ledger: ImportLedger, import_id: int, error: BaseException) -> None:
    """The reason goes into the ledger; what failed is raised by the caller, whatever happens here."""
    why = error.one_line() if isinstance(error, SpotifireError) else ""
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        why = "It was stopped. Import again: what is stored is not added twice."
    try:
        await asyncio.shield(
            asyncio.to_thread(ledger.fail, import_id, why or f"An error of ours: {type(error).__name__}.")
        )
    except SpotifireError as second:
        log.warning("the failed import could not be noted", why=second.message)
