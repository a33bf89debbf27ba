"""The jobs of deploy/schedule.py: what runs by itself beside the worker."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from deploy.schedule import Job
from deploy.services import s3_settings
from deploy.settings import Settings
from deploy.storage import Storage
from producers.lasting import publish_lasting
from sinks import archive
from sinks.erase import erased, left_over
from sinks.rollup import Rollup
from streams.contracts import ids
from streams.contracts.topics import LISTENER_COMMAND, LISTENER_PROFILE
from streams.contracts.waking import wake_up
from streams.publisher import Publisher

WINDOWS = ("90d", "all")  # of the profiles that are kept fresh; others are computed when asked for
MINUTE = 60.0

log = structlog.get_logger(__name__)


def jobs_of(storage: Storage, publisher: Publisher) -> list[Job]:
    """In the order of their first run."""
    rollup = Rollup(storage.ch)
    return [
        Job("wake-commands", every=5 * MINUTE, run=partial(wake_commands, storage, publisher)),
        Job("sweep-erased", every=60 * MINUTE, run=partial(sweep_erased, storage, publisher), after=MINUTE),
        Job("rollup", every=5.0, run=partial(roll, rollup), after=2.0),
        Job("profiles", every=10 * MINUTE, run=partial(profiles, storage, publisher), after=5.0),
    ]


def archiving(settings: Settings, storage: Storage) -> list[Job]:
    """Keeps the archive up to date, where one is configured."""
    if not settings.archive:
        return []

    async def run() -> None:
        done = await asyncio.to_thread(archive.run, storage.ch, archive.Place(settings.archive, s3_settings(settings)))
        log.info("archived", place=done.place, months=done.written, sightings=done.rows, removed=done.removed)

    return [Job("archive", every=24 * 60 * MINUTE, run=run, after=5 * MINUTE)]


async def wake_commands(storage: Storage, publisher: Publisher) -> None:
    """Publish again the record of every command that is not done: a broker in memory forgets them."""
    for command in await asyncio.to_thread(storage.commands.all_open):
        await publisher.publish(LISTENER_COMMAND, wake_up(command), key=ids.to_hex(command.listener))
    await publisher.flush()


async def sweep_erased(storage: Storage, publisher: Publisher) -> None:
    """Erase once more those of whom something was written while they were erased."""
    for listener in await asyncio.to_thread(left_over, storage.ch):
        await asyncio.to_thread(storage.commands.ask, listener, "erase")
        log.info("rows of an erased listener are erased again", listener=ids.to_hex(listener))
    await wake_commands(storage, publisher)


async def roll(rollup: Rollup) -> None:
    """Bring the daily rollup up to the plays."""
    await asyncio.to_thread(rollup.tick)


async def profiles(storage: Storage, publisher: Publisher) -> None:
    """Compute everybody's profile in the windows that are kept, store and publish them."""
    from ml.profile import refresh_profiles  # pandas takes a second to import: not before the page is up

    computed = await asyncio.to_thread(refresh_profiles, storage.ch, WINDOWS)
    await publish_lasting(publisher, LISTENER_PROFILE, computed, partial(erased, storage.ch))
