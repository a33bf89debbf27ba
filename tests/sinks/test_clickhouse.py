"""The client: threads, several databases on one folder, closing, and errors that name their cure."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.failures import translate
from streams.contracts.errors import SpotifireError, StoreUnavailable, UserError
from tests.support.clickhouse import chdb_folder, fresh_database

PLAYS = "INSERT INTO plays (listener, play_id, version) VALUES ({l:UInt64}, {p:UInt64}, 1)"


def test_each_thread_has_its_own_handle(clickhouse: ClickHouse) -> None:
    def work(n: int) -> int:
        for k in range(5):
            clickhouse.command(PLAYS, {"l": n, "p": k})
        return int(clickhouse.scalar("SELECT count() FROM plays FINAL WHERE listener = {l:UInt64}", {"l": n}))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [5] * 16
    assert clickhouse.scalar("SELECT count() FROM v_plays") == 80


def test_databases_on_one_folder_do_not_mix(clickhouse: ClickHouse) -> None:
    with fresh_database() as other:
        clickhouse.command(PLAYS, {"l": 1, "p": 1})
        assert other.scalar("SELECT count() FROM plays") == 0
        assert other.scalar("SELECT currentDatabase()") == other.database != clickhouse.database
        other.close()
        with pytest.raises(SpotifireError, match="closed"):
            other.query("SELECT 1")
        assert clickhouse.scalar("SELECT count() FROM plays") == 1, "closing one leaves the other"


def test_closing_waits_for_a_statement_of_another_thread(engine: ClickHouse) -> None:
    with fresh_database() as ch:
        seen: list[object] = []
        begun = threading.Event()

        def work() -> None:
            ch.query("SELECT 1")
            begun.set()
            seen.append(ch.scalar("SELECT count() FROM numbers(20000000) WHERE NOT ignore(sipHash64(number))"))

        thread = threading.Thread(target=work)
        thread.start()
        begun.wait(10)
        ch.close()
        thread.join(30)
        # it ended by itself: with its answer, or told that the connection is closed before it asked
        assert not thread.is_alive()


def test_settings_are_those_that_keep_rows(clickhouse: ClickHouse) -> None:
    rows = clickhouse.query(
        "SELECT name, value FROM system.settings WHERE name IN ('async_insert', 'insert_deduplicate')"
    )
    assert dict(rows) == {"async_insert": "0", "insert_deduplicate": "0"}
    unsafe = clickhouse.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' "
        "AND (engine_full NOT LIKE '%fsync_after_insert = 1%' OR engine_full NOT LIKE '%fsync_part_directory = 1%')"
    )
    assert unsafe == []


def test_an_identical_block_after_a_deletion_is_kept(clickhouse: ClickHouse) -> None:
    rows = pa.table({"listener": pa.array([1], pa.uint64()), "play_id": pa.array([1], pa.uint64())})
    clickhouse.insert_arrow("plays", rows)
    clickhouse.command("ALTER TABLE plays DELETE WHERE 1 SETTINGS mutations_sync = 2")
    clickhouse.insert_arrow("plays", rows)
    assert clickhouse.scalar("SELECT count() FROM plays") == 1


def test_values_are_bound_not_pasted(clickhouse: ClickHouse) -> None:
    nasty = "'; DROP TABLE plays --\\ \n\t\x00 \u2028 é {x:UInt8}"
    assert clickhouse.scalar("SELECT {s:String}", {"s": nasty}) == nasty
    assert clickhouse.query("SELECT {a:Array(String)}, {n:Nullable(UInt64)}", {"a": [nasty, ""], "n": None}) == [
        ([nasty, ""], None)
    ]


def test_folder_held_by_another_process(tmp_path: Path) -> None:
    """The other process is the one that tries: this one holds its folder for the whole session."""
    program = (
        "import sys; from pathlib import Path\n"
        "from sinks.clickhouse import ClickHouse, ClickHouseSettings\n"
        "from streams.contracts.errors import UserError\n"
        "def attempt(path):\n"
        "    try: ClickHouse(ClickHouseSettings(path=Path(path))).ping()\n"
        "    except UserError as error: sys.stdout.write(error.one_line() + '\\n')\n"
        "for path in sys.argv[1:]: attempt(path)\n"
    )
    file = tmp_path / "file"
    file.touch()
    done = subprocess.run(
        [sys.executable, "-c", program, str(chdb_folder()), str(file), str(file / "below"), "/proc/nothing"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    held, *unwritable = done.stdout.splitlines()
    assert held.startswith(f"The data folder {chdb_folder()} is held by another process (process ")
    assert "Stop that one first" in held
    assert len(unwritable) == 3
    assert all("cannot be" in line for line in unwritable), unwritable


def test_another_folder_in_this_process(engine: ClickHouse, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this process already holds another one"):
        ClickHouse(ClickHouseSettings(path=tmp_path)).ping()


def test_nobody_listens() -> None:
    ch = ClickHouse(ClickHouseSettings(url="http://127.0.0.1:9"))
    with pytest.raises(StoreUnavailable):
        ch.ping()


def test_missing_tables_say_migrate(engine: ClickHouse) -> None:
    with fresh_database(migrated=False) as ch:
        with pytest.raises(UserError) as caught:
            ch.query("SELECT 1")
        assert "migrate" in caught.value.cure
        ch.create_database()
        with pytest.raises(UserError):
            ch.query("SELECT * FROM plays")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DatabaseError("Code: 241. Memory limit", code=241), StoreUnavailable),
        (DatabaseError("Code: 252. Too many parts", code=252), StoreUnavailable),
        (OperationalError("Error connection refused executing HTTP request"), StoreUnavailable),
        (DatabaseError("HTTP driver received HTTP status 503"), StoreUnavailable),
        (DatabaseError("Code: 243. Cannot reserve 1.00 MiB", code=243), UserError),
        (DatabaseError("Code: 75. Cannot write: No space left on device", code=75), UserError),
        (DatabaseError("Code: 516. Authentication failed", code=516), UserError),
        (DatabaseError("Code: 47. Unknown expression", code=47), type(None)),
        (DatabaseError("HTTP driver received HTTP status 400"), type(None)),
    ],
)
def test_what_an_error_means(error: DatabaseError, kind: type) -> None:
    ours = translate(error, "here", None)
    assert type(ours) is kind
    if isinstance(ours, UserError):
        assert ours.cure
        assert "\n" not in ours.one_line()


def test_settings_make_sense() -> None:
    with pytest.raises(UserError):
        ClickHouseSettings()
    with pytest.raises(UserError):
        ClickHouseSettings(path=Path("x"), url="http://x")
    with pytest.raises(UserError):
        ClickHouseSettings(path=Path("x"), database="a; DROP")
    hidden = ClickHouseSettings(url="http://u:geheim@host:8123", password="secret")
    assert "secret" not in repr(hidden)
    assert hidden.where() == "http://host:8123"
