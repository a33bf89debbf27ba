"""ClickHouse's HTTP protocol over the embedded engine: what clients rely on, and what it must refuse."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import clickhouse_connect
import pyarrow as pa
import pytest

from deploy.clickhouse_http import ChdbHttpServer, Served
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.migrate import migrate
from sinks.reader import Reader
from sinks.writer import Writer
from streams.contracts.errors import UserError
from tests.support.clickhouse import chdb_folder, fresh_database
from tests.support.rows import NOON, play, plays_table

SECRET = "gAAAA-very-secret"


@pytest.fixture(scope="module")
def database(engine: ClickHouse) -> Iterator[ClickHouse]:
    with fresh_database() as ch:
        ch.command(f"INSERT INTO connections (listener, refresh_token) VALUES (1, '{SECRET}')")
        yield ch


@pytest.fixture(scope="module")
def url(engine: ClickHouse) -> Iterator[str]:
    server = ChdbHttpServer(Served(chdb_folder()))
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def reading_url(database: ClickHouse) -> Iterator[str]:
    server = ChdbHttpServer(
        Served(chdb_folder(), database.database, user="reader", password="pässword", read_only=True)
    )
    yield server.start()
    server.stop()


def ask(
    url: str, statement: str, *, headers: dict[str, str] | None = None, body: bytes | None = None, **params: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=30)
    query = "&".join(f"{quote(k)}={quote(v)}" for k, v in {**params, "query": statement}.items())
    with closing(connection):
        connection.request("POST", f"/?{query}", body=body, headers=headers or {})
        with connection.getresponse() as response:
            return response.status, response.read(), response.headers


def client(url: str, database: ClickHouse, **options: Any) -> Any:
    parts = urlsplit(url)
    return clickhouse_connect.get_client(host=parts.hostname, port=parts.port, database=database.database, **options)


def test_clickhouse_connect_does_all_it_can(url: str, database: ClickHouse) -> None:
    with client(url, database) as c:
        columns = "id UInt64, name Nullable(String), at DateTime64(3, 'UTC')"
        c.command(f"CREATE TABLE things ({columns}) ENGINE MergeTree ORDER BY id")
        c.insert("things", [[1, "a;b", NOON], [2**64 - 1, None, NOON]], column_names=["id", "name", "at"])
        c.insert_arrow("things", pa.table({"id": pa.array([3], pa.uint64()), "name": ["é\n'"]}))
        c.command("INSERT INTO things (id, name) VALUES (4, 'x;y')")
        assert c.query("SELECT id, name FROM things ORDER BY id").result_rows == [
            (1, "a;b"), (3, "é\n'"), (4, "x;y"), (2**64 - 1, None),
        ]  # fmt: skip
        assert c.query_arrow("SELECT id FROM things ORDER BY id").column(0).to_pylist()[-1] == 2**64 - 1
        bound = c.query("SELECT {s:String} AS s, {a:Array(UInt64)} AS a", parameters={"s": "q'\\\n\t", "a": [1, 2**63]})
        assert bound.result_rows == [("q'\\\n\t", [1, 2**63])]
        with c.query_row_block_stream("SELECT number FROM numbers(200000)") as stream:
            assert sum(len(block) for block in stream) == 200_000
        for compression in ("lz4", "zstd", "gzip"):
            packed = client(url, database, compress=compression)
            packed.insert("things", [[5, compression]], column_names=["id", "name"])
            packed.close()
        assert c.query("SELECT count() FROM things WHERE id = 5").result_rows == [(3,)]


def test_settings_last_for_one_query(url: str, database: ClickHouse) -> None:
    with client(url, database) as c:
        setting = "SELECT value FROM system.settings WHERE name = 'max_threads'"
        before = c.query(setting).result_rows
        assert c.query(setting, settings={"max_threads": 3}).result_rows == [("3",)]
        assert c.query(setting).result_rows == before
        with pytest.raises(Exception, match="READONLY"):
            c.command("CREATE TABLE nope (a UInt8) ENGINE Memory", settings={"readonly": 1})


def test_errors_carry_their_code(url: str, database: ClickHouse) -> None:
    for statement, status, code in (
        ("SELECT * FROM nope", 404, 60),
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
    ):
        got, body, headers = ask(url, statement, database=database.database)
        assert (got, headers["X-ClickHouse-Exception-Code"]) == (status, str(code)), body
        assert body.startswith(f"Code: {code}. DB::Exception".encode())
    status, body, _ = ask(url, "SELECT throwIf(number = 3) FROM numbers(5)")
    assert status == 500
    assert b"Code: 395" in body


def test_formats_bodies_and_the_hello_of_clickhouse_go(url: str) -> None:
    assert ask(url, "SELECT 1 AS a FORMAT JSONEachRow")[1] == b'{"a":1}\n'
    assert json.loads(ask(url, "SELECT 1 AS a", default_format="JSON")[1])["data"] == [{"a": 1}]
    assert ask(url, "SELECT 1", body=b" + 1")[1] == b"2\n"
    packed = {"Content-Encoding": "gzip"}
    assert ask(url, "", body=gzip.compress(b"SELECT 7"), headers=packed)[1] == b"7\n"
    assert ask(url, "", body=b"no gzip", headers=packed)[0] == 400
    status, body, _ = ask(url, "SELECT displayName(), version(), revision(), timezone()", default_format="TSVWithNames")
    names, values = body.decode().splitlines()
    assert status == 200
    assert names.split("\t") == ["displayName()", "version()", "revision()", "timezone()"]
    assert values.split("\t")[2] == "0"


def test_an_error_in_mid_answer_is_noticed(url: str) -> None:
    statement = "SELECT throwIf(number > 3000000), number FROM numbers(10000000) SETTINGS max_block_size = 1000"
    try:
        status, body, _ = ask(url, statement)
    except http.client.IncompleteRead:
        return
    assert status == 500, body[-200:]


def test_files_stay_closed(url: str, tmp_path: Path) -> None:
    file = tmp_path / "out"
    assert ask(url, f"SELECT 1 INTO OUTFILE '{file}'")[0] == 400
    assert not file.exists()


def test_pages_of_a_browser_are_refused(url: str) -> None:
    assert ask(url, "SELECT 1", headers={"Origin": "http://evil.example"})[0] == 403
    assert ask(url, "SELECT 1", headers={"Host": "evil.example"})[0] == 403
    assert ask(url, "SELECT 1", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403, "an image sends no Origin"
    assert ask(url, "SELECT 1", headers={"Host": "["})[0] == 403


def read(url: str, statement: str, **params: str) -> tuple[int, bytes]:
    headers = {"Authorization": "Basic cmVhZGVyOnDDpHNzd29yZA=="}  # reader:pässword
    status, body, _ = ask(url, statement, headers=headers, body=None, **params)
    return status, body


def test_a_reader_needs_the_password(reading_url: str) -> None:
    assert ask(reading_url, "SELECT 1")[0] == 403
    assert ask(reading_url, "SELECT 1", headers={"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "x"})[0] == 403
    assert ask(reading_url, "SELECT 1", user="reader", password="pässword")[0] == 200
    assert read(reading_url, "SELECT 1") == (200, b"1\n")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count() FROM v_plays",
        "SELECT displayName(), version(), revision(), timezone()",
        "SELECT name FROM system.tables WHERE database = currentDatabase() FORMAT JSON",
        "SELECT name, value, readonly FROM system.settings LIMIT 3",
        "SHOW TABLES",
        "DESCRIBE TABLE v_plays",
        "SELECT {n:UInt8} AS n",
    ],
)
def test_what_a_reader_may(reading_url: str, statement: str) -> None:
    status, body = read(reading_url, statement, param_n="1", max_threads="2", max_execution_time="10")
    assert status == 200, body


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM connections",
        "SELECT * FROM {db}.connections",
        "SELECT * FROM {t:Identifier}",
        "SELECT 1 WHERE 'x' IN {t:Identifier}",
        "SELECT * FROM merge(currentDatabase(), 'conn')",
        "SHOW CREATE TABLE connections",
        "DESCRIBE TABLE connections",
        "DESCRIBE TABLE file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT 1 INTO OUTFILE '{file}'",
        "SELECT 1 SETTINGS readonly = 0",
        "SET readonly = 0",
        "SELECT 1; DROP TABLE plays",
        "DROP TABLE plays",
        "INSERT INTO plays (listener, play_id) VALUES (1, 1)",
        "INSERT INTO plays (listener) FORMAT TSV",
        "INSERT INTO FUNCTION file('{file}', 'CSV', 'a UInt8') SELECT 1",
        "SELECT * FROM system.query_log",
        "SELECT * FROM default.x",
        "KILL QUERY WHERE 1",
        "SYSTEM SHUTDOWN",
        "EXPLAIN SELECT * FROM connections",
    ],
)
def test_what_a_reader_may_not(reading_url: str, database: ClickHouse, tmp_path: Path, statement: str) -> None:
    file = tmp_path / "out"
    statement = statement.replace("{db}", database.database).replace("{file}", str(file))
    attempts: list[dict[str, str]] = [{}, {"readonly": "0"}, {"database": "system"}]
    for extra in attempts:
        status, body = read(reading_url, statement, param_t="connections", **extra)
        assert status >= 400, body
        assert SECRET.encode() not in body
        assert b"root:" not in body
    assert not file.exists()
    assert database.scalar("SELECT count() FROM plays") == 0


def test_a_port_that_is_taken(url: str) -> None:
    with pytest.raises(UserError, match="cannot be used"):
        ChdbHttpServer(Served(chdb_folder()), port=urlsplit(url).port or 0).start()


def test_several_processes_share_one_folder(tmp_path: Path) -> None:
    """A server of its own, as several workers use it; what it acknowledged survives kill -9."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "deploy.clickhouse_http", "--path", str(tmp_path / "data"), "--port", str(port)]
    settings = ClickHouseSettings(url=f"http://127.0.0.1:{port}", database="spotifire")

    def served() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            time.sleep(0.1)
        process.kill()
        raise AssertionError("it does not listen")

    process = served()
    try:
        ch = ClickHouse(settings)
        assert migrate(ch)
        store = Writer(ch, threading.Event())
        store.write_plays(plays_table(*(play(7, 1_700_000_000_000 + n * 1000) for n in range(500))))
        process.kill()
        process.wait(10)
        process = served()
        assert migrate(ch) == []
        assert ch.scalar("SELECT count() FROM v_plays") == 500
        assert Reader(ch).sql("SELECT count() AS n FROM v_plays", 10).rows == ((500,),)
        ch.close()
    finally:
        process.terminate()
        process.wait(10)


def test_a_reader_hides_no_sql_in_a_setting(reading_url: str) -> None:
    hidden = {
        "additional_result_filter": "(SELECT count() FROM connections) > 0",
        "additional_table_filters": "{'plays': '(SELECT count() FROM connections) > 0'}",
        "dialect": "prql",
    }
    for name, value in hidden.items():
        status, body = read(reading_url, "SELECT count() FROM v_plays", **{name: value})
        assert status == 400, body
        assert b"cannot be given here" in body


def test_stopping_cuts_off_what_runs(engine: ClickHouse) -> None:
    server = ChdbHttpServer(Served(chdb_folder(), read_only=True))
    url = server.start()
    answers: list[int] = []
    forever = "SELECT count() FROM numbers(1000000000000) WHERE cityHash64(number) = 1"
    asking = threading.Thread(target=lambda: answers.append(ask(url, f"{forever} FORMAT JSON")[0]))
    asking.start()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%cityHash64(number) = 1%'"
    until = time.monotonic() + 20
    while engine.scalar(f"{running} AND query NOT LIKE '%system.processes%'") == 0:
        assert time.monotonic() < until
        time.sleep(0.05)
    begun = time.monotonic()
    server.stop()
    asking.join(timeout=10)
    assert time.monotonic() - begun < 10, "the query itself would take hours"
    assert answers and answers[0] >= 400
