"""The parts of a stack that processes of their own have too: worker, collector's task, the end of publishing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import structlog

from deploy.memory import keep_small
from deploy.settings import Settings, read_secret
from deploy.storage import Storage
from producers.spotify.vault import Vault, read_or_make_key
from sinks.commands import Commands as CommandLog
from sinks.corrections import ClickHouseCorrections
from sinks.imports import Imports
from sinks.patience import PatientClickHouse
from streams.app import WorkerSettings
from streams.commands import Commands
from streams.metrics import Metrics
from streams.pipeline import Pipeline
from streams.publisher import Publisher
from streams.worker import Worker

SETTLE = 3.0  # seconds that what was published may take to be stored when stopping

Ending = Callable[[], Awaitable[object]]  # returns or raises when a part ends

log = structlog.get_logger(__name__)


def open_vault(settings: Settings) -> Vault:
    """Under the key file that was given (its mode is whoever gave it's: a container's secret is readable
    by all in it), else under one of our own, made in the data folder. Blocks."""
    if settings.key_file is not None:
        return Vault(read_secret(settings.key_file).encode())
    return Vault(read_or_make_key(settings.data / "secrets" / "key"))


@asynccontextmanager
async def working(settings: Settings, storage: Storage, bootstrap: str, metrics: Metrics) -> AsyncIterator[Worker]:
    """A worker that runs while the block does; at the end it stores what it has in hand."""
    keep_small()
    pipeline = Pipeline(storage.writer, storage.reference, tell=settings.publish_enriched)
    ch = PatientClickHouse(storage.ch, storage.stopping)  # a request is told at once, a command waits
    commands = Commands(
        pipeline, storage.writer, storage.reference, ClickHouseCorrections(ch), Imports(ch), CommandLog(ch)
    )
    worker = Worker(
        WorkerSettings(
            bootstrap=bootstrap,
            data_dir=settings.data,
            publish_enriched=settings.publish_enriched,
            broker_in_memory=settings.kafka == "embedded",
            instance_id=settings.worker_id or None,
        ),
        pipeline,
        metrics,
        commands=commands,
    )
    await worker.start()
    try:
        yield worker
    finally:
        giving_up = asyncio.get_running_loop().call_later(SETTLE, storage.stopping.set)
        await worker.stop()
        giving_up.cancel()


async def settle(publisher: Publisher) -> None:
    """Let the worker store what was published: a broker in memory forgets the rest."""
    try:
        async with asyncio.timeout(SETTLE):
            await publisher.settled()
    except TimeoutError:
        log.warning("stopped before all was stored; it is collected again", records=publisher.waiting())


def background(opened: AsyncExitStack, name: str, work: Coroutine[Any, Any, None]) -> Ending:
    """Run `work` as a task until the stack closes; how to wait for its end."""
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    opened.push_async_callback(end)
    return partial(asyncio.shield, task)


async def until_failure(ending: Ending) -> None:
    """Raise what a part ended with; one that ended well may be gone, and nobody is told."""
    await ending()
    await asyncio.Event().wait()


async def first_ending(*endings: Ending) -> None:
    """Until the first of them ends; its error is raised, the others are no longer waited for."""
    tasks = [asyncio.ensure_future(ending()) for ending in endings]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def is_running(worker: Worker) -> bool:
    """Whether the worker has not ended."""
    try:
        async with asyncio.timeout(0.01):
            await worker.failed()
    except TimeoutError:
        return True
    return False
