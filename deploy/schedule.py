"""The one list of what runs by itself, and the loop that runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from streams.contracts.errors import SpotifireError

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Job:
    """Work that comes again every `every` seconds; the first time `after` seconds from the start."""

    name: str
    every: float
    run: Callable[[], Awaitable[None]]
    after: float = 0.0


async def keep(jobs: Sequence[Job]) -> None:
    """Run every job at its times until cancelled. A job that fails is logged and comes again."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job), name=f"job {job.name}")


async def _repeat(job: Job) -> None:
    await asyncio.sleep(job.after)
    while True:
        try:
            await job.run()
        except SpotifireError as error:
            log.warning("job failed", job=job.name, error=error.one_line())
        except Exception:  # a fault of ours here must not stop the plays
            log.exception("job failed by a fault of ours", job=job.name)
        await asyncio.sleep(job.every)
