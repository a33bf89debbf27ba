"""Grafana on a laptop: `up --serve-clickhouse` answers what the plugin sends over HTTP, and only that.

The plugin's driver (clickhouse-go) posts the query as the body, names database, format and
max_execution_time in the address, and asks for Native.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from deploy.clickhouse_http import ChdbHttpServer, Served
from grafana.alerts import ALERTS
from grafana.render import rendered
from sinks.clickhouse import ClickHouse
from sinks.measurements import Measurement, write_measurements
from sinks.times import now_ms
from tests.grafana.macros import expand
from tests.support.clickhouse import chdb_folder, fresh_database
from tests.support.stack import running

HELLO = "SELECT displayName(), version(), revision(), timezone()"
PANELS = json.loads(rendered()["pipeline.json"])["panels"]


def post(url: str, database: str, statement: str, form: str = "Native") -> tuple[int, bytes]:
    parts = urlsplit(url)
    asked = {"database": database, "default_format": form, "max_execution_time": "60"}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=60)
    with closing(connection):
        connection.request("POST", f"/?{urlencode(asked)}", body=statement.encode())
        with connection.getresponse() as answer:
            return answer.status, answer.read()


def rows(url: str, database: str, statement: str) -> list[list[Any]]:
    status, body = post(url, database, statement, "JSONCompact")
    assert status == 200, body
    data: list[list[Any]] = json.loads(body)["data"]
    return data


def first_column(block: bytes) -> tuple[int, str]:
    """Of a block of Native: how many columns, and the name of the first (all numbers here are below 128)."""
    columns, _, length = block[:3]
    return columns, block[3 : 3 + length].decode()


def panel_sql(panel: dict[str, Any]) -> str:
    (target,) = panel["targets"]
    end = datetime.now(UTC) + timedelta(seconds=5)  # what was measured in this very second too
    return expand(target["rawSql"], variables={}, start=end - timedelta(days=1), end=end)


@pytest.fixture(scope="module")
def served(engine: ClickHouse) -> Iterator[tuple[str, str]]:
    """Its address and the database."""
    with fresh_database() as ch:
        figures = [Measurement("lag", 3, "spotifire/topic"), Measurement("stored", 1), Measurement("blocked", 0)]
        write_measurements(ch, "worker", "p", now_ms(), figures)
        server = ChdbHttpServer(Served(chdb_folder(), ch.database, read_only=True))
        yield server.start(), ch.database
        server.stop()


def test_the_driver_is_greeted(served: tuple[str, str]) -> None:
    status, block = post(*served, HELLO)
    assert status == 200
    assert first_column(block) == (4, "displayName()")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panels_query_is_answered(served: tuple[str, str], panel: dict[str, Any]) -> None:
    status, body = post(*served, panel_sql(panel))
    assert status == 200, body


def test_the_answer_is_a_block_of_the_panels_columns(served: tuple[str, str]) -> None:
    (lag,) = (panel for panel in PANELS if panel["title"] == "Lag by group")
    status, block = post(*served, panel_sql(lag))
    assert status == 200
    assert first_column(block) == (3, "time")
    assert b"spotifire/topic" in block


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.uid)
def test_an_alerts_query_is_answered(served: tuple[str, str], alert: Any) -> None:
    status, body = post(*served, alert.sql)
    assert status == 200, body


def test_what_is_no_reading_or_secret_is_refused(served: tuple[str, str]) -> None:
    for statement in ("TRUNCATE TABLE measurements", "SELECT * FROM connections", "SELECT 1 SETTINGS readonly = 0"):
        status, _ = post(*served, statement)
        assert status >= 400, statement


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_running_instance_is_seen_by_the_dashboard_and_raises_no_alert(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with running(tmp_path / "data", "--demo", "--serve-clickhouse", str(port)):
        until = time.monotonic() + 120
        parts = "SELECT part, sumIf(value, measure = 'stored') FROM v_measurements GROUP BY part ORDER BY part"
        while len(told := rows(url, "spotifire", parts)) < 2 or not told[1][1]:
            assert time.monotonic() < until, told
            time.sleep(0.5)
        assert [part for part, _ in told] == ["collector", "worker"]
        seen = {panel["title"]: rows(url, "spotifire", panel_sql(panel)) for panel in PANELS}
        assert {"Lag by group", "Events", "Play to queryable", "Enrichment coverage"} <= {
            t for t, r in seen.items() if r
        }
        for alert in ALERTS:
            found = [
                value for row in rows(url, "spotifire", alert.sql) for value in row if isinstance(value, float | int)
            ]
            assert found or alert.no_data == "OK", alert.uid
            beyond = [v for v in found if (v > alert.above if alert.above is not None else v < (alert.below or 0))]
            assert not beyond, alert.uid
