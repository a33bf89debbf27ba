"""Free SQL: what it may, and every way out of it that we could think of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks import freesql
from sinks.clickhouse import ClickHouse
from sinks.reader import Reader
from streams.contracts.errors import UserError
from tests.support.clickhouse import fresh_database

SECRET = "gAAAA-very-secret"


@pytest.fixture(scope="module")
def database(engine: ClickHouse) -> Iterator[ClickHouse]:
    """One for the whole file: nothing here may change it, and a test of each query says so."""
    with fresh_database() as ch:
        ch.command(f"INSERT INTO connections (listener, refresh_token) VALUES (1, '{SECRET}')")
        ch.command("INSERT INTO api_tokens (hash, name) VALUES ('abc', 'laptop')")
        yield ch


@pytest.fixture
def guarded(database: ClickHouse) -> Reader:
    return Reader(database)


@pytest.fixture(scope="module")
def elsewhere(engine: ClickHouse) -> Iterator[str]:
    with fresh_database() as other:
        yield other.database


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS one",
        "select 1 as one -- ; a comment",
        "WITH c AS (SELECT 1 AS one) SELECT one FROM c;",
        "SELECT number AS one FROM numbers(5) ORDER BY one DESC",
        "SELECT count() AS one FROM v_plays",
        "SELECT name AS one FROM system.tables WHERE database = currentDatabase() ORDER BY 1",
        "SELECT one FROM values('one UInt8', 1, 2)",
        "SELECT 'connections' AS one",
        "SELECT\n\t'a\\tb;\\' DROP' -- it's\nAS one /* ; */\n",
        "SELECT listener AS one FROM v_plays UNION ALL SELECT 2",
    ],
)
def test_what_it_may(guarded: Reader, query: str) -> None:
    assert guarded.sql(query, 10).columns == ("one",)


def test_limit_and_order(guarded: Reader) -> None:
    table = guarded.sql("SELECT number, toString(number) AS t FROM numbers(100) ORDER BY number DESC", 3)
    assert table.rows == ((99, "99"), (98, "98"), (97, "97"))
    assert table.types == ("UInt64", "String")
    assert table.truncated
    assert not guarded.sql("SELECT 1", 1).truncated


@pytest.mark.parametrize(
    "query",
    [
        # secrets, by every road to a table
        "SELECT * FROM connections",
        "SELECT * FROM `connections` FINAL",
        'SELECT * FROM "api_tokens"',
        "SELECT refresh_token FROM {db}.connections",
        "SELECT 1 UNION ALL SELECT listener FROM connections",
        "SELECT 1 INTERSECT (SELECT 1 EXCEPT SELECT listener FROM connections)",
        "WITH c AS (SELECT * FROM connections) SELECT * FROM c",
        "WITH (SELECT any(refresh_token) FROM connections) AS s SELECT s",
        "SELECT (SELECT refresh_token FROM connections LIMIT 1)",
        "SELECT 1 WHERE '" + SECRET + "' IN (SELECT refresh_token FROM connections)",
        "SELECT 1 WHERE 'abc' IN api_tokens",
        "SELECT 1 WHERE 'abc' GLOBAL NOT IN {db}.api_tokens",
        "SELECT * FROM v_plays WHERE EXISTS (SELECT 1 FROM connections)",
        "SELECT * FROM numbers(1) AS n LEFT JOIN connections AS c ON 1 = 1",
        "FROM connections SELECT *",
        "SELECT * FROM (SELECT * FROM (SELECT * FROM connections))",
        "SELECT * FROM view(SELECT * FROM connections)",
        "SELECT arrayMap(x -> (SELECT any(refresh_token) FROM connections), [1])",
        "SELECT * FROM /**/ connections",
        "SELECT * FROM merge(currentDatabase(), 'conn.*')",
        "SELECT * FROM merge('{db}', 'api_.*')",
        "SELECT * FROM loop(connections)",
        "SELECT * FROM cluster('default', currentDatabase(), connections)",
        "SELECT * FROM remote('127.0.0.1', currentDatabase(), connections)",
        "SELECT * FROM mergeTreeIndex(currentDatabase(), connections)",
        "SELECT * FROM mergeTreeProjection(currentDatabase(), connections, 'p')",
        "SELECT * FROM dictionary('connections')",
        "SELECT joinGet('connections', 'refresh_token', 1)",
        "SELECT dictGet('connections', 'refresh_token', 1)",
        # files, network, programs
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT FILE('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a String')",
        "SELECT * FROM s3('http://127.0.0.1:9/a', 'CSV', 'a String')",
        "SELECT * FROM executable('ls', 'TSV', 'a String')",
        "SELECT * FROM Python(os)",
        "SELECT * FROM sqlite('/tmp/x.db', 't')",
        "SELECT * FROM filesystem('/etc')",
        "SELECT * FROM input('a UInt8')",
        "SELECT 1 INTO OUTFILE '{file}'",
        "SELECT * FROM numbers(1) INTO OUTFILE '{file}' TRUNCATE FORMAT CSV",
        # what the process and other databases hold
        "SELECT * FROM system.query_log",
        "SELECT * FROM system.processes",
        "SELECT * FROM system.settings",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM {other}.v_plays",
        "SELECT 1 WHERE 1 IN {other}.listeners",
        # anything but one SELECT
        "DROP TABLE plays",
        "SELECT 1; DROP TABLE plays",
        "SELECT 1;;DROP TABLE plays",
        "INSERT INTO plays SELECT * FROM plays",
        "INSERT INTO FUNCTION file('{file}', 'CSV', 'a UInt8') SELECT 1",
        "ALTER TABLE plays DELETE WHERE 1",
        "TRUNCATE TABLE plays",
        "CREATE TABLE x (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE x AS SELECT * FROM connections",
        "SET readonly = 0",
        "USE system",
        "SYSTEM FLUSH LOGS",
        "ATTACH TABLE x",
        "EXPLAIN SELECT * FROM connections",
        "DESCRIBE connections",
        "SHOW CREATE TABLE connections",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 1000)",
        "SELECT 1 FORMAT CSV",
        "SELECT {p:UInt8}",
        "SELECT * FROM {t:Identifier}",
        # nonsense
        "",
        ";",
        "SELECT nope FROM v_plays",
        "SELECT 'unclosed",
        "\x00",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT sleepEachRow(1) FROM numbers(100)",
    ],
)  # fmt: skip
def test_what_it_may_not(guarded: Reader, database: ClickHouse, elsewhere: str, tmp_path: Path, query: str) -> None:
    file = tmp_path / "out"
    for mark, value in (("{db}", database.database), ("{other}", elsewhere), ("{file}", str(file))):
        query = query.replace(mark, value)
    with pytest.raises(UserError) as caught:
        guarded.sql(query, 10)
    assert SECRET not in caught.value.one_line()
    assert "\n" not in caught.value.one_line()
    assert caught.value.cure
    assert not file.exists()
    assert database.scalar("SELECT count() FROM plays") == 0  # it is still there, and nothing was written


@pytest.mark.parametrize(
    "query",
    ["SELECT count() FROM numbers(1e13) WHERE NOT ignore(number)", "SELECT groupArray(number) FROM numbers(1e10)"],
)
def test_too_heavy(guarded: Reader, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setattr(freesql, "SECONDS", 1)
    monkeypatch.setattr(freesql, "MEMORY", 100 << 20)
    with pytest.raises(UserError, match="too heavy"):
        guarded.sql(query, 10)
    assert guarded.sql("SELECT 1", 10).rows == ((1,),)


def test_readonly_is_the_engines_own(database: ClickHouse) -> None:
    """Without our judgement of the text the engine still refuses to write."""
    with database.handle(database.database, {"readonly": 1}) as client:
        for query in ("DROP TABLE plays", "INSERT INTO plays (listener) VALUES (1)", "SET readonly = 0"):
            with pytest.raises(Exception, match="READONLY"):
                client.command(query)


def test_settings_do_not_leak_into_other_reads(reader: Reader, clickhouse: ClickHouse) -> None:
    reader.sql("SELECT 1", 1)
    assert clickhouse.query("SELECT count() FROM (SELECT * FROM numbers(50))") == [(50,)]
    clickhouse.command("INSERT INTO plays (listener, play_id) VALUES (1, 1)")


@pytest.mark.parametrize("query", ["", " ;\n", "-- nothing", "/* nothing */"])
def test_no_query(guarded: Reader, query: str) -> None:
    with pytest.raises(UserError, match=r"^There is no query\.$"):
        guarded.sql(query, 10)


def test_one_statement_at_a_time(guarded: Reader) -> None:
    with pytest.raises(UserError, match=r"^Only one statement at a time can be run\.$"):
        guarded.sql("SELECT 1; DROP TABLE plays", 10)


def test_our_own_words_round_a_query_are_not_shown(guarded: Reader) -> None:
    with pytest.raises(UserError) as refused:
        guarded.sql("SELECT a FROM", 10)
    assert "formatQuery" not in refused.value.message
