"""Brings an export in: read, publish, wait until it is stored, reconcile.

    scan the paths -> note the import -> rows -> Kafka (bounded by what the worker has committed)
    -> wait for the last commit -> count by queries what became of every row

Killed anywhere, it is simply started again: a row's id says what the row says, so what was
stored before is known then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog
from msgspec.structs import replace
from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from producers.history.feeding import Feed, Found, PlayPublisher, Progress, feed
from producers.history.zips import Limits
from streams.contracts import ids
from streams.contracts.errors import SpotifireError
from streams.contracts.ports import ImportLedger, Reconciliation

LEDGER_S = 0.5  # between two notes of progress in the ledger
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 15.0  # between two tries to reconcile, doubling

log = structlog.get_logger(__name__)


async def run_import(
    paths: Sequence[Path],
    listener: int,
    publisher: PlayPublisher,
    ledger: ImportLedger,
    on_progress: Callable[[Progress], None],
    *,
    import_id: int | None = None,
    limits: Limits | None = None,
    elsewhere: Feed | None = None,
) -> Reconciliation:
    """Import the files at `paths` (zips, folders, JSON files) for `listener`, a 64-bit id.

    Rows are read here and published through `publisher`, or by `elsewhere`, where that is given (with limits
    of its own). `on_progress` is called on the event loop, about every 4,000 rows. Raises UserError for input
    that a person must mend (nothing noted when it is found before the first row, else the import
    is noted as failed), SpotifireError when the reconciliation does not add up, and what the
    publisher raises. A cancelled import is noted as failed too. A ledger that is away once rows are
    published is waited for.
    """
    started = time.monotonic()
    number = ids.new_id() if import_id is None else import_id
    noting = _Noting(listener, number, ledger, on_progress)
    feeding = elsewhere or partial(feed, publisher=publisher, limits=limits)
    try:
        fed = await feeding(paths, listener, number, noting.found, noting.progressed)
    except BaseException as error:
        if noting.begun:
            await _note_failure(ledger, number, error)
        raise
    try:
        reconciliation = await _reconcile(ledger, number, fed.read, fed.repeats, started)
    except asyncio.CancelledError as error:  # any other has stored the report, or why there is none
        await _note_failure(ledger, number, error)
        raise
    noting.done()
    return reconciliation


class _Noting:
    """What one import tells the ledger and whoever watches."""

    def __init__(
        self, listener: int, import_id: int, ledger: ImportLedger, on_progress: Callable[[Progress], None]
    ) -> None:
        self.begun = False
        self._listener = listener
        self._import_id = import_id
        self._ledger = ledger
        self._on_progress = on_progress
        self._noted = 0.0
        self._last: Progress | None = None

    async def found(self, found: Found) -> None:
        """The import begins."""
        for ignored in found.ignored:
            log.info("file left out", file=ignored.label, why=ignored.why)
        left_out = [(ignored.label, ignored.why) for ignored in found.ignored]
        await asyncio.to_thread(self._ledger.start, self._listener, self._import_id, found.files, left_out)
        self.begun, self._noted = True, time.monotonic()

    async def progressed(self, progress: Progress) -> None:
        """It goes on. While the ledger is away nobody learns of it, and the import goes on."""
        self._last = progress
        self._on_progress(progress)
        if progress.state == "reading" and time.monotonic() - self._noted < LEDGER_S:
            return
        try:
            await asyncio.to_thread(self._ledger.progress, self._import_id, progress.read, progress.published)
        except SpotifireError as error:
            if not error.retriable:
                raise
            log.warning("the import's progress could not be noted", why=error.message)
        self._noted = time.monotonic()

    def done(self) -> None:
        """It is reconciled."""
        if self._last is not None:
            self._on_progress(replace(self._last, state="done"))


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
