"""Work for the one writer of a listener: the command's row first, then the record that wakes the worker."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from api.services import Services, needed
from api.shapes import Asked
from streams.contracts import ids
from streams.contracts.ports import CommandKind
from streams.contracts.topics import LISTENER_COMMAND
from streams.contracts.waking import wake_up


async def ask(services: Services, listener: int, kind: CommandKind, **arguments: str) -> Asked:
    """Raises StoreUnavailable or BrokerUnavailable; a row without its record is found at the next start."""
    commands = needed(services.commands, "The command log")
    publisher = needed(services.publisher, "The publisher")
    command = await run_in_threadpool(commands.ask, listener, kind, arguments)
    await publisher.publish(LISTENER_COMMAND, wake_up(command), key=ids.to_hex(listener))
    await publisher.flush()
    return Asked(ids.to_hex(listener), ids.to_hex(command.command_id), kind)
