"""One embedded engine for the whole test process, and a fresh database for each test.

chDB serves one data folder per process, so every test shares the folder and is kept apart by the
name of its database. No test may open another folder in this process.

Migrating takes half a second of a core, more than most tests do. A migrated database is therefore
emptied after its test and given to a later one; one whose schema was touched is dropped.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sinks.clickhouse import ClickHouse, ClickHouseSettings, Rows
from sinks.migrate import VERSIONS, migrate

_numbers = itertools.count(1)

Schema = tuple[Rows, Rows]  # what there is with its definition, and the migrations that were applied

# Databases that wait for a test: the schema of each as it was migrated, by name.
_spare: dict[str, Schema] = {}

_SCHEMA = "SELECT name, create_table_query FROM system.tables WHERE database = {db:String} ORDER BY ALL"
# other than the migrations' own, which is not listed for ever: it might still be under way
_CHANGING = "SELECT 1 FROM system.mutations WHERE database = {db:String} AND command NOT ILIKE '%MATERIALIZE%' LIMIT 1"
_FILLED = "SELECT DISTINCT table FROM system.parts WHERE database = {db:String} AND table != {versions:String}"
_APPLIED = f"SELECT toString(number), checksum FROM {VERSIONS} FINAL ORDER BY ALL"


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
    """A connection to an empty database that nobody else uses, migrated or not yet there.

    With `url` the connection goes there, to a server in front of this process's engine.
    """
    name, schema = _spare.popitem() if migrated and _spare else (f"t{next(_numbers)}", None)
    embedded = ClickHouse(ClickHouseSettings(path=chdb_folder(), database=name))
    ch = ClickHouse(ClickHouseSettings(url=url, database=name)) if url else embedded
    try:
        if migrated and schema is None:
            migrate(embedded)
            schema = _schema(embedded)
        yield ch
    finally:
        ch.close()
        embedded.close()
        if schema is None or not _emptied(name, schema):
            keeper().command(f"DROP DATABASE IF EXISTS {name} SYNC")


def _schema(ch: ClickHouse) -> Schema:
    return ch.query(_SCHEMA, {"db": ch.database}), ch.query(_APPLIED)


def _emptied(name: str, schema: Schema) -> bool:
    """Make the database what it was after its migration, and keep it; False where that cannot be."""
    ch = ClickHouse(ClickHouseSettings(path=chdb_folder(), database=name))
    try:
        if keeper().query(_SCHEMA, {"db": name}) != schema[0] or keeper().query(_CHANGING, {"db": name}):
            return False
        if ch.query(_APPLIED) != schema[1]:
            return False
        for (table,) in ch.query(_FILLED, {"db": name, "versions": VERSIONS}):
            ch.command(f"TRUNCATE TABLE `{table}`")
    finally:
        ch.close()
    _spare[name] = schema
    return True
