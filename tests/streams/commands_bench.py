"""A listener, a pipeline and the commands, on a real ClickHouse: what tests of commands stand on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from sinks.clickhouse import ClickHouse
from sinks.commands import Commands as CommandLog
from sinks.corrections import ClickHouseCorrections
from sinks.imports import Imports
from sinks.listeners import Listeners
from sinks.reader import Reader
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.commands import Commands
from streams.contracts.events import PlayEnriched, PlayRecorded
from streams.contracts.ports import Command, CommandKind, ListenerSettings, ZonePeriod
from streams.contracts.tables import PLAYS
from streams.outcome import Outcome
from streams.pipeline import Pipeline
from tests.streams.memory import plain
from tests.streams.worlds import LISTENER, NOW, records, said

COLUMNS = [name for name in PLAYS.names if name not in {"version", "is_deleted"}]

Plays = dict[tuple[int, int], dict[str, Any]]


class House:
    """One database. `restart` is a new process: nothing of the old one's memory is left."""

    def __init__(
        self,
        ch: ClickHouse,
        listeners: Sequence[int] = (LISTENER,),
        store: Writer | None = None,
        clock: Callable[[], int] = lambda: NOW,
    ) -> None:
        self.ch = ch
        self.store = store or Writer(ch, threading.Event())
        self.log = CommandLog(ch)
        self.imports = Imports(ch)
        self.corrections = ClickHouseCorrections(ch)
        self.reader = Reader(ch)
        for number, listener in enumerate(listeners):
            Listeners(ch).put(
                ListenerSettings(listener=listener, name=f"l{number}", zones=(ZonePeriod(0, "Europe/Berlin"),))
            )
        self.clock = clock
        self.told: dict[tuple[str, str], tuple[int, bool]] = {}
        self.restart()

    def restart(self) -> None:
        self.reference = ClickHouseReference(self.ch, threading.Event())
        self.pipeline = Pipeline(self.store, self.reference, clock=self.clock)
        self.commands = Commands(self.pipeline, self.store, self.reference, self.corrections, self.imports, self.log)

    def take(self, events: Sequence[PlayRecorded]) -> Outcome:
        outcome = self.pipeline.run(records(events))
        self.hear(outcome)
        return outcome

    def hear(self, outcome: Outcome) -> None:
        """As a reader of the enriched topic does: the highest version of each play is kept."""
        event: PlayEnriched
        for event in said(outcome.enriched):
            key = event.listener, event.play_id
            self.told[key] = max(self.told.get(key, (-1, False)), (event.version, event.removed))

    def heard_live(self) -> set[tuple[int, int]]:
        return {(int(who, 16), int(play, 16)) for (who, play), (_, removed) in self.told.items() if not removed}

    def carry_out(self, listener: int = LISTENER, between: Callable[[], None] = lambda: None) -> int:
        """Until nothing is open; how many pieces it took."""
        pieces = 0
        while True:
            outcome = self.commands.command(listener)
            self.hear(outcome)
            if not outcome.commands:
                return pieces
            self.commands.conclude(outcome)
            pieces += 1
            between()

    def do(self, kind: CommandKind, /, **arguments: str) -> Command:
        asked = self.log.ask(LISTENER, kind, arguments)
        self.carry_out()
        done = self.log.get(asked.command_id)
        assert done is not None and done.state == "done"
        return done

    def plays(self) -> Plays:
        stored = self.ch.query_arrow(f"SELECT {', '.join(COLUMNS)} FROM v_all_plays")
        rows = plain(stored.cast(pa.schema([PLAYS.field(name) for name in COLUMNS])))
        return {(row["listener"], row["play_id"]): row for row in rows}

    def brought(self) -> dict[int, int]:
        """Live sightings, and the import that was the first to bring each."""
        return dict(self.ch.query("SELECT sighting_id, import_id FROM sightings FINAL"))

    def held(self) -> set[tuple[int, int]]:
        return {(i, s) for i, s in self.ch.query("SELECT import_id, sighting_id FROM import_rows FINAL") if i}
