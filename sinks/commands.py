"""Commands to the one writer of a listener: rows first, so that each is resumable and visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from sinks.clickhouse import ClickHouse
from sinks.erase import erased_version
from sinks.times import next_version, now_ms, to_ms, to_time
from streams.contracts.ids import new_id
from streams.contracts.ports import Command, CommandKind

COLUMNS = ("listener", "command_id", "version", "kind", "arguments", "asked_at", "state", "detail")
OPEN = "state IN ('asked', 'working')"


class Commands:
    """streams.contracts.ports.CommandLog on ClickHouse."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def ask(self, listener: int, kind: CommandKind, arguments: Mapping[str, str] | None = None) -> Command:
        """Write a command's row and return it. Asking to erase also sets the cut-off, and hides the listener."""
        command = Command(
            command_id=new_id(), listener=listener, kind=kind, asked_at=now_ms(), arguments=dict(arguments or {})
        )
        self._write(command)
        if kind == "erase":
            self._cut_off(command)
        return command

    def open_commands(self, listener: int) -> Sequence[Command]:
        """Those of a listener that are not done, oldest first."""
        return self._read(f"WHERE listener = {{listener:UInt64}} AND {OPEN}", {"listener": listener})

    def all_open(self) -> Sequence[Command]:
        """Those of every listener that are not done, oldest first: to wake their workers after a restart."""
        return self._read(f"WHERE {OPEN}", {})

    def of(self, listener: int, limit: int = 100) -> Sequence[Command]:
        """Those of a listener, newest first, to see what became of them."""
        rows = self._read("WHERE listener = {listener:UInt64}", {"listener": listener})
        return rows[::-1][:limit]

    def working(self, command: Command, detail: str) -> None:
        """Note how far it is."""
        self._change(command, "working", detail)

    def done(self, command: Command, detail: str) -> None:
        """Mark it as done."""
        self._change(command, "done", detail)

    def _change(self, command: Command, state: Literal["working", "done"], detail: str) -> None:
        asked = self._ch.scalar(
            "SELECT max(version) FROM commands WHERE command_id = {id:UInt64}", {"id": command.command_id}
        )
        self._write(msgspec.structs.replace(command, state=state, detail=detail), after=asked)

    def get(self, command_id: int) -> Command | None:
        """One command, to see what became of it."""
        found = self._read("WHERE command_id = {id:UInt64}", {"id": command_id})
        return found[0] if found else None

    def _read(self, where: str, params: dict[str, int]) -> list[Command]:
        rows = self._ch.query(
            f"SELECT command_id, listener, kind, asked_at, state, detail, arguments FROM commands FINAL {where} "
            "ORDER BY asked_at, command_id",
            params,
        )
        return [
            Command(
                command_id=r[0],
                listener=r[1],
                kind=r[2],
                asked_at=to_ms(r[3]),
                state=r[4],
                detail=r[5],
                arguments=msgspec.json.decode(r[6], type=dict[str, str]) if r[6] else {},
            )
            for r in rows
        ]

    def _write(self, command: Command, *, after: int = 0) -> None:
        row = (
            command.listener,
            command.command_id,
            next_version(after),
            command.kind,
            msgspec.json.encode(command.arguments).decode() if command.arguments else "",
            to_time(command.asked_at),
            command.state,
            command.detail,
        )
        self._ch.insert("commands", COLUMNS, [row])

    def _cut_off(self, command: Command) -> None:
        """A later cut-off replaces an earlier one: what was published in between goes, too.

        Its version is above whatever a change of settings writes that read the row before it.
        """
        self._ch.command(
            "INSERT INTO listeners SELECT * REPLACE ({version:UInt64} AS version, "
            "{at:DateTime64(3, 'UTC')} AS erased_at) FROM listeners FINAL WHERE listener = {listener:UInt64}",
            {
                "version": erased_version(self._ch, command.listener),
                "at": to_time(command.asked_at),
                "listener": command.listener,
            },
        )
