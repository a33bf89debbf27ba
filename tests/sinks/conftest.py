"""The store's tests run on the embedded engine and, the same ones, over ClickHouse's HTTP protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.clickhouse_http import ChdbHttpServer, Served
from sinks.clickhouse import ClickHouse
from tests.support.clickhouse import chdb_folder, fresh_database

OVER_HTTP = {"test_writer", "test_reader", "test_library"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "clickhouse" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in OVER_HTTP:
        metafunc.parametrize("clickhouse", ["embedded", "http"], indirect=True)


@pytest.fixture(scope="session")
def http_url(engine: ClickHouse) -> Iterator[str]:
    """ClickHouse's HTTP protocol in front of this process's engine, reading and writing."""
    server = ChdbHttpServer(Served(chdb_folder()))
    yield server.start()
    server.stop()


@pytest.fixture
def clickhouse(engine: ClickHouse, request: pytest.FixtureRequest) -> Iterator[ClickHouse]:
    """A connection to a fresh, migrated database, on the engine itself or over HTTP."""
    over_http = getattr(request, "param", "embedded") == "http"
    with fresh_database(url=request.getfixturevalue("http_url") if over_http else None) as ch:
        yield ch
