"""The server's users against what dashboards and alerts ask, judged by the engine itself as far as it has no users."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from grafana.alerts import ALERTS
from grafana.render import rendered
from sinks.clickhouse import ClickHouse
from sinks.freesql import SECRET
from tests.support.clickhouse import fresh_database

ROOT = ET.parse(Path(__file__).parents[2] / "deploy" / "clickhouse" / "users.xml").getroot()
USERS = ("migrator", "writer", "grafana")


def grants(user: str) -> list[str]:
    return [query.text or "" for query in ROOT.findall(f"./users/{user}/grants/query")]


def settings(path: str) -> dict[str, str]:
    return {one.tag: one.text or "" for one in ROOT.findall(path) if one.tag != "constraints"}


def asked() -> dict[str, str]:
    """Every query of a dashboard (panels, variables, annotations) and of an alert, by where it stands."""
    found = {f"alert {alert.title}": alert.sql for alert in ALERTS}
    for name, text in rendered().items():
        board = json.loads(text)
        for panel in board["panels"]:
            for number, target in enumerate(panel.get("targets", [])):
                found[f"{name} {panel['title']} {number}"] = target["rawSql"]
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                query = variable["query"]
                found[f"{name} {variable['name']}"] = query if isinstance(query, str) else query["rawSql"]
        for note in board.get("annotations", {}).get("list", []):
            if sql := (note.get("target") or {}).get("rawSql"):
                found[f"{name} {note['name']}"] = sql
    return found


ASKED = asked()


@pytest.fixture(scope="module")
def schema(engine: ClickHouse) -> Iterator[ClickHouse]:
    with fresh_database() as ch:
        yield ch


def tables_of(ch: ClickHouse, sql: str) -> set[str]:
    """The tables and views that a query names, as the engine reads it; macros and variables become literals."""
    plain = re.sub(r"\$\{\w+(:\w+)?\}", "'0'", sql)
    plain = re.sub(r"\$__\w+(\([^)]*\))?", "now()", plain)
    plain = re.sub(r"\$\w+", "0", plain)
    assert "$" not in plain
    tree = "\n".join(line for (line,) in ch.query(f"EXPLAIN AST {plain}"))
    return set(re.findall(r"TableIdentifier (?:\S+\.)?(\w+)", tree))


def reached(ch: ClickHouse, sql: str) -> set[str]:
    """The same with all beneath the views: a view reads with the rights of who asks."""
    known: dict[str, str] = dict(
        ch.query("SELECT name, as_select FROM system.tables WHERE database = currentDatabase()")
    )
    found: set[str] = set()
    waiting = tables_of(ch, sql) & set(known)
    while waiting:
        name = waiting.pop()
        found.add(name)
        if known[name]:
            waiting |= (tables_of(ch, known[name]) & set(known)) - found
    return found


def test_every_query_is_looked_at() -> None:
    assert len(ASKED) > 25
    assert all(sql.strip() for sql in ASKED.values())


@pytest.mark.parametrize("where", ASKED)
def test_grafana_may_read_what_it_asks_for(schema: ClickHouse, where: str) -> None:
    granted = {grant.rpartition(".")[2] for grant in grants("grafana")}
    read = reached(schema, ASKED[where])
    assert read or where == "alert ClickHouse does not answer"
    assert read <= granted, read - granted
    assert not read & SECRET


def test_what_lies_beneath_a_view_is_found(schema: ClickHouse) -> None:
    assert {"v_counted_plays", "plays", "listeners"} <= reached(schema, "SELECT count() FROM v_counted_plays")
    assert reached(schema, "SELECT * FROM connections") == {"connections"}


@pytest.mark.parametrize("user", USERS)
def test_the_engine_reads_every_grant(schema: ClickHouse, user: str) -> None:
    for grant in grants(user):
        text = schema.scalar("SELECT formatQuerySingleLine({q:String})", {"q": f"{grant} TO {user}"})
        assert text.startswith("GRANT "), grant
        assert "WITH GRANT OPTION" not in text


def test_nobody_but_the_writer_and_the_migrator_reaches_a_secret() -> None:
    for grant in grants("grafana"):
        assert re.fullmatch(r"GRANT SELECT ON spotifire\.\w+", grant), grant
        assert grant.rpartition(".")[2] not in SECRET


def test_the_readers_settings_are_the_engines(schema: ClickHouse) -> None:
    """A misspelt setting stops a server from starting; here the engine takes each with its value."""
    given = settings("./profiles/reader/*")
    limited = [one.tag for one in ROOT.findall("./profiles/reader/constraints/*")]
    known = {name for (name,) in schema.query("SELECT name FROM system.settings")}
    assert set(given) | set(limited) <= known
    with schema.handle(schema.database, {name: value for name, value in given.items() if name != "readonly"}) as client:
        for name, value in given.items():
            if name != "readonly":
                told = client.query("SELECT value FROM system.settings WHERE name = {n:String}", parameters={"n": name})
                assert told.result_rows == [(value,)]


def test_the_reader_cannot_exhaust_the_server() -> None:
    given = settings("./profiles/reader/*")
    for limit in (
        "max_execution_time", "max_memory_usage", "max_memory_usage_for_user", "max_threads", "max_result_rows",
        "max_rows_to_read", "max_concurrent_queries_for_user", "max_temporary_data_on_disk_size_for_user",
    ):  # fmt: skip
        assert int(given[limit]) > 0
        held = ROOT.find(f"./profiles/reader/constraints/{limit}")
        assert held is not None, f"{limit} can be raised by who is limited"
        assert held.find("readonly") is not None or int(held.findtext("max") or 0) > 0
