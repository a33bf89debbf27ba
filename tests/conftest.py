"""Fixtures that several packages' tests share: a ClickHouse of one's own, and what stands on it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Generator, Iterator

import pytest

from sinks.clickhouse import ClickHouse
from sinks.reader import Reader
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from tests.support.clickhouse import chdb_folder, fresh_database, keeper


@pytest.fixture(scope="session")
def engine() -> Iterator[ClickHouse]:
    """The embedded engine, held open for the session (opening it takes 0.7 s), on its one folder."""
    ch = keeper()
    ch.ping()
    yield ch
    ch.close()
    shutil.rmtree(chdb_folder(), ignore_errors=True)


@pytest.fixture
def clickhouse(engine: ClickHouse) -> Iterator[ClickHouse]:
    """A connection to a fresh, migrated database on the real embedded engine."""
    with fresh_database() as ch:
        yield ch


@pytest.fixture
def stopping() -> threading.Event:
    """Set it to make a writer that retries give up."""
    return threading.Event()


@pytest.fixture
def store(clickhouse: ClickHouse, stopping: threading.Event) -> Writer:
    """The worker's store on a fresh database."""
    return Writer(clickhouse, stopping)


@pytest.fixture
def reference(clickhouse: ClickHouse, stopping: threading.Event) -> ClickHouseReference:
    """Listeners and catalogue of the fresh database, every change seen at once."""
    return ClickHouseReference(clickhouse, stopping, fresh_s=0)


@pytest.fixture
def reader(clickhouse: ClickHouse) -> Reader:
    """The named reads on the fresh database."""
    return Reader(clickhouse)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where SPOTIFIRE_TESTS_NO_SKIP is set, as CI does, a test that skips has failed: its machine lacks something."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("SPOTIFIRE_TESTS_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may skip: {report.longrepr}"
    return report
