"""The jobs of deploy/schedule.py: what runs by itself beside the worker."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from deploy.schedule import Job
from deploy.storage import Storage
from streams.contracts import ids
from streams.contracts.events import ListenerCommand
from streams.contracts.topics import LISTENER_COMMAND, LISTENER_PROFILE
from streams.publisher import Publisher

WINDOWS = ("90d", "all")  # of the profiles that are kept fresh; others are computed when asked for
MINUTE = 60.0

log = structlog.get_logger(__name__)


def jobs_of(storage: Storage, publisher: Publisher) -> list[Job]:
    """In the order of their first run."""
    return [
        Job("wake-commands", every=5 * MINUTE, run=partial(wake_commands, storage, publisher)),
        Job("profiles", every=10 * MINUTE, run=partial(profiles, storage, publisher), after=5.0),
    ]


async def wake_commands(storage: Storage, publisher: Publisher) -> None:
    """Publish again the record of every command that is not done: a broker in memory forgets them."""
    for command in await asyncio.to_thread(storage.commands.all_open):
        who = ids.to_hex(command.listener)
        event = ListenerCommand(
            listener=who,
            command_id=ids.to_hex(command.command_id),
            kind=command.kind,
            asked_at=command.asked_at,
        )
        await publisher.publish(LISTENER_COMMAND, event, key=who)
    await publisher.flush()


async def profiles(storage: Storage, publisher: Publisher) -> None:
    """Compute everybody's profile in the windows that are kept, store and publish them."""
    from ml.profile import refresh_profiles  # pandas takes a second to import: not before the page is up

    for profile in await asyncio.to_thread(refresh_profiles, storage.ch, WINDOWS):
        await publisher.publish(LISTENER_PROFILE, profile)
    await publisher.flush()
