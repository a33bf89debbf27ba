"""Fixtures that several packages' tests share: a ClickHouse of one's own, and what stands on it; and how tests run."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Generator, Iterator
from itertools import groupby
from pathlib import Path

import pytest

from sinks.clickhouse import ClickHouse
from sinks.reader import Reader
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from tests.support.clickhouse import chdb_folder, fresh_database, keeper

MEMORY = Path("/dev/shm")
PLENTY = 6 << 30  # bytes; it is half of a machine's memory, and a few hundred megabytes are used


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files lie in memory where there is plenty of it and nobody chose another place.

    Every table of ours is synced to the disk at each insert, and every statement of a migration too: on a
    disk tests wait more for that than for anything else. No test looks at what a cut of the power leaves.
    What starves the parts (tests/faults) and measures them (tests/bench) is on the disk, as they are.
    """
    on_disk = any("faults" in argument or "bench" in argument for argument in config.args)
    if on_disk or "TMPDIR" in os.environ or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < PLENTY:
        return
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests wait for other processes, and for time to pass, a third of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked slow begins first, dealt out by modules among xdist's workers.

    Each worker begins with an equal run of the list as it stands here, and takes tests from the end of another's
    when it has no more (--dist worksteal): so nobody is left with a long one at the end.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    others = [item for item in items if not item.get_closest_marker("slow")]
    modules = [list(group) for _, group in groupby(slow, key=lambda item: item.path)]
    # as many as a worker begins with, so that its slow ones are at the front of its run
    runs = [len(items) // workers + (worker < len(items) % workers) for worker in range(workers)]
    items.clear()
    for worker, run in enumerate(runs):
        first = [item for module in modules[worker::workers] for item in module]
        rest = run - len(first)
        items += first + others[:rest]
        others = others[rest:]


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
