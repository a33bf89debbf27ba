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


@cache
def keeper() -> ClickHouse:
    """Holds the engine open for the whole run (opening it takes 0.7 s)."""
    return ClickHouse(ClickHouseSettings(path=chdb_folder(), database="default"))


@contextmanager
def fresh_database(*, migrated: bool = True, url: str | None = None) -> Iterator[ClickHouse]:
    """A connection to an empty database of its own (migrated in 0.2 s), dropped at the end.

    With `url` the connection goes there, to a server in front of this process's engine.
    """
    name = f"t{next(_numbers)}"
    embedded = ClickHouse(ClickHouseSettings(path=chdb_folder(), database=name))
    ch = ClickHouse(ClickHouseSettings(url=url, database=name)) if url else embedded
    try:
        if migrated:
            migrate(embedded)
        yield ch
    finally:
        keeper().command(f"DROP DATABASE IF EXISTS {name} SYNC")
        embedded.close()
        ch.close()
