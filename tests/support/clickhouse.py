"""One embedded engine for the whole test process, and a fresh database for each test.

chDB serves one data folder per process, so every test shares the folder and is kept apart by the
name of its database. No test may open another folder in this process.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.migrate import migrate

_numbers = itertools.count(1)


@cache
def chdb_folder() -> Path:
    """The one data folder of this process; it lies in the system's temporary folder."""
    return Path(tempfile.mkdtemp(prefix="spotifire-tests-"))


@contextmanager
def fresh_database(*, migrated: bool = True, url: str | None = None) -> Iterator[ClickHouse]:
    """A connection to an empty database of its own (migrated in 0.1 s), dropped at the end."""
    name = f"t{next(_numbers)}"
    path = None if url else chdb_folder()
    ch = ClickHouse(ClickHouseSettings(path=path, url=url, database=name))
    try:
        if migrated:
            migrate(ch)
        yield ch
    finally:
        ch.command(f"DROP DATABASE IF EXISTS {name} SYNC")
        ch.close()
