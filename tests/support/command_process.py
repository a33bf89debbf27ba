"""A worker's commands in a process of its own, to be killed: `python -m tests.support.command_process FOLDER STEP`.

`begin` stores an import and a poll of the same evening and undoes the import, slowly, with a line on
standard output for each write; `go-on` is the process after the kill: it finishes, and says what is stored.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
from msgspec.structs import replace

import streams.commands
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.migrate import migrate
from sinks.writer import Writer
from tests.streams.commands_bench import House
from tests.streams.worlds import LISTENER, heard

IMPORT = "00000000000000aa"
SHARED = range(0, 20, 4)


class Slow(Writer):
    """The real store, with time to be killed before each write."""

    slow = False

    def _write(self, table: str, rows: pa.Table, schema: pa.Schema) -> None:
        if self.slow:
            say(table)
            time.sleep(0.05)
        super()._write(table, rows, schema)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(folder: str, step: str) -> None:
    streams.commands.ROWS = 4
    ch = ClickHouse(ClickHouseSettings(path=Path(folder), database="spotifire"))
    store = Slow(ch, threading.Event())
    if step == "begin":
        migrate(ch)
        house = House(ch, store=store)
        house.take([replace(heard(400 * n), import_id=IMPORT) for n in range(20)])
        house.take([heard(400 * n + 3, "spotify.recently-played") for n in SHARED])
        house.log.ask(LISTENER, "undo-import", {"import": IMPORT})
        store.slow = True
    else:
        house = House(ch, (), store)
    house.carry_out()
    say(json.dumps([sorted(play for _, play in house.plays()), len(house.brought()), len(house.held())]))
    ch.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
