"""The record that wakes the worker which holds a command's listener. Pure."""

from __future__ import annotations

from streams.contracts.events import ListenerCommand
from streams.contracts.ids import to_hex
from streams.contracts.ports import Command


def wake_up(command: Command) -> ListenerCommand:
    """What to do stands in the command's row; the record's kind is exact only for an erasure."""
    return ListenerCommand(
        listener=to_hex(command.listener),
        command_id=to_hex(command.command_id),
        kind="erase" if command.kind == "erase" else "restamp",
        asked_at=command.asked_at,
    )
