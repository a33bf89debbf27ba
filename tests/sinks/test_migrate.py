"""Migrations: idempotent, safe from many at once, and they stop where they must."""

from __future__ import annotations

import re
import threading

import pyarrow as pa
import pytest

from sinks.clickhouse import ClickHouse
from sinks.migrate import Migration, check_schema, migrate, migrations
from streams.contracts import tables
from streams.contracts.errors import UserError
from tests.support.clickhouse import fresh_database

ARROW_TABLES = {
    "sightings": tables.SIGHTINGS,
    "import_rows": tables.IMPORT_ROWS,
    "plays": tables.PLAYS,
    "dead_letters": tables.DEAD_LETTERS,
    "playback": tables.PLAYBACK,
}


def test_numbers_are_unique_and_files_hold_one_statement() -> None:
    numbers = [m.number for m in migrations()]
    assert numbers == sorted(set(numbers))
    assert [m.name for m in migrations() if ";" in re.sub(r"'(?:[^']|'')*'", "", m.sql)] == []


def test_every_column_and_object_is_commented(clickhouse: ClickHouse) -> None:
    bare = clickhouse.query(
        "SELECT table, name FROM system.columns "
        "WHERE database = currentDatabase() AND comment = '' AND NOT startsWith(table, 'v_')"
    )
    assert bare == []
    silent = clickhouse.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''")
    assert silent == []


@pytest.mark.parametrize("table", ARROW_TABLES)
def test_columns_are_those_of_the_arrow_schema(clickhouse: ClickHouse, table: str) -> None:
    rows = clickhouse.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {t:String} "
        "AND default_kind = '' ORDER BY position",
        {"t": table},
    )
    schema: pa.Schema = ARROW_TABLES[table]
    assert [name for (name,) in rows] == schema.names


def test_second_run_applies_nothing(clickhouse: ClickHouse) -> None:
    assert migrate(clickhouse) == []
    check_schema(clickhouse)


def test_many_at_once(engine: ClickHouse) -> None:
    with fresh_database(migrated=False) as ch:
        failures: list[BaseException] = []

        def run() -> None:
            try:
                migrate(ch)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        check_schema(ch)
        assert ch.scalar("SELECT count() FROM schema_versions FINAL") == len(migrations())


def test_newer_schema_stops_with_one_line(clickhouse: ClickHouse) -> None:
    clickhouse.command("INSERT INTO schema_versions VALUES (9999, '9999_later.sql', 'x', now())")
    with pytest.raises(UserError, match="newer") as caught:
        migrate(clickhouse)
    assert "\n" not in caught.value.one_line()
    assert caught.value.cure


def test_changed_file_stops(clickhouse: ClickHouse) -> None:
    changed = [Migration(m.number, m.name, m.sql + "\n-- edited") if m.number == 5 else m for m in migrations()]
    with pytest.raises(UserError, match="was changed after"):
        migrate(clickhouse, changed)


def test_older_schema_is_named(clickhouse: ClickHouse) -> None:
    clickhouse.command("ALTER TABLE schema_versions DELETE WHERE number = 30 SETTINGS mutations_sync = 2")
    with pytest.raises(UserError, match="older"):
        check_schema(clickhouse)
    assert migrate(clickhouse) == ["0030_v_playback.sql"]
