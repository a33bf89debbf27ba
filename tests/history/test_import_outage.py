"""ClickHouse goes away in the midst of an import, and comes back: the import waits for it, and adds up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.clickhouse_http import ChdbHttpServer, Served
from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from producers.history import importer
from producers.history.feeding import Progress
from producers.history.importer import run_import
from producers.simulator.export import export_of, write_zip
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.imports import Imports
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.app import WorkerSettings
from streams.contracts.errors import StoreUnavailable
from streams.contracts.ids import hash64
from streams.contracts.ports import ListenerSettings, Reconciliation, ZonePeriod
from streams.metrics import Metrics
from streams.pipeline import Pipeline
from streams.publisher import Publisher, PublisherSettings
from streams.worker import Worker
from tests.history.recording import RecordingLedger, RecordingPublisher, rows, write
from tests.support.clickhouse import chdb_folder
from tests.support.proxy import Fault, Proxy

LISTENER = hash64("tests", "import outage")
ROWS = 30_000
UNTIL = 1_780_000_000_000


@pytest.fixture
def proxy(engine: ClickHouse) -> Iterator[Proxy]:
    """What stands between the importer and ClickHouse."""
    server = ChdbHttpServer(Served(chdb_folder()))
    with Proxy(server.start()) as between:
        yield between
    server.stop()


async def test_an_import_outlives_an_outage(
    clickhouse: ClickHouse,
    store: Writer,
    reference: ClickHouseReference,
    proxy: Proxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importer, "LEDGER_S", 0.0)
    Listeners(clickhouse).put(ListenerSettings(listener=LISTENER, name="Nora", zones=(ZonePeriod(0, "Europe/Berlin"),)))
    write_zip(tmp_path / "my.zip", export_of(ROWS, UNTIL))
    far = ClickHouse(ClickHouseSettings(url=proxy.url, database=clickhouse.database))
    away = asyncio.Event()

    def progressed(progress: Progress) -> None:
        if not away.is_set() and progress.published:
            proxy.plan = lambda _: Fault.RESET
            away.set()

    async def mended() -> None:
        await away.wait()
        stored = f"SELECT count() FROM sightings FINAL WHERE listener = {LISTENER}"
        await until(lambda: clickhouse.scalar(stored) == ROWS)
        refused = proxy.faults[Fault.RESET]
        await until(lambda: proxy.faults[Fault.RESET] >= refused + 2)  # the reconciliation, too, found nobody there
        proxy.plan = lambda _: Fault.NONE

    with InProcessBroker() as broker:
        await create_topics(broker.bootstrap)
        at = WorkerSettings(bootstrap=broker.bootstrap, data_dir=tmp_path / "data", broker_in_memory=True)
        worker = Worker(at, Pipeline(store, reference), Metrics())
        await worker.start()
        async with Publisher(PublisherSettings(bootstrap=broker.bootstrap)) as publisher:
            mending = asyncio.create_task(mended())
            report = await run_import([tmp_path / "my.zip"], LISTENER, publisher, Imports(far), progressed)
            await mending
        await worker.stop()
    far.close()
    assert (report.read, report.stored, report.known, report.refused) == (ROWS, ROWS, 0, {})
    (kept,) = clickhouse.query("SELECT state, read FROM imports FINAL")
    assert tuple(kept) == ("done", ROWS)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  nobody there sets an event
            await asyncio.sleep(0.05)


class AwayAtTheEnd(RecordingLedger):
    """Nobody answers when the import is to be reconciled."""

    tries = 0

    def finish(self, import_id: int, read: int, repeats: int, seconds: float) -> Reconciliation:
        self.tries += 1
        raise StoreUnavailable("ClickHouse is gone.")


async def test_who_waits_for_the_ledger_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "FIRST_WAIT_S", 0.001)
    write(tmp_path / "a.json", rows(10))
    ledger = AwayAtTheEnd()
    task = asyncio.create_task(run_import([tmp_path], LISTENER, RecordingPublisher(), ledger, lambda _: None))
    await until(lambda: ledger.tries >= 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    assert ledger.failed == ["It was stopped. Import again: what is stored is not added twice."]


async def test_a_report_that_does_not_add_up_is_not_asked_for_again(tmp_path: Path) -> None:
    class Wrong(RecordingLedger):
        def finish(self, import_id: int, read: int, repeats: int, seconds: float) -> Reconciliation:
            super().finish(import_id, read, repeats, seconds)
            raise ValueError("does not add up")

    write(tmp_path / "a.json", rows(10))
    ledger = Wrong()
    with pytest.raises(ValueError, match="add up"):
        await run_import([tmp_path], LISTENER, RecordingPublisher(), ledger, lambda _: None)
    assert len(ledger.finished) == 1
    assert ledger.failed == []
