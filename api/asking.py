"""Work for the one writer of a listener: the command's row first, then the record that wakes the worker."""

from __future__ import annotations

from typing import Literal

from starlette.concurrency import run_in_threadpool

from api.services import Services, needed
from api.shapes import Asked
from streams.contracts import ids
from streams.contracts.events import ListenerCommand
from streams.contracts.topics import LISTENER_COMMAND


async def ask(services: Services, listener: int, kind: Literal["restamp", "erase"]) -> Asked:
    """Raises StoreUnavailable or BrokerUnavailable; a row without its record is found at the next start."""
    commands = needed(services.commands, "The command log")
    publisher = needed(services.publisher, "The publisher")
    command = await run_in_threadpool(commands.ask, listener, kind)
    who, which = ids.to_hex(listener), ids.to_hex(command.command_id)
    event = ListenerCommand(listener=who, command_id=which, kind=kind, asked_at=command.asked_at)
    await publisher.publish(LISTENER_COMMAND, event, key=who)
    await publisher.flush()
    return Asked(who, which, kind)
