from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from producers.history.feeding import Progress
from producers.history.importer import run_import
from producers.simulator.export import PLANTED_ADDRESS, PLANTED_AGENT, PLANTED_USER, as_export, write_zip
from producers.simulator.simulator import Simulator
from streams.contracts.errors import BrokerUnavailable, StoreUnavailable, UserError
from tests.history.recording import RecordingLedger, RecordingPublisher, row, rows, write

LISTENER = 0xA1


def ignore(_: Progress) -> None:
    return


async def test_every_row_is_published_once_settled_and_reconciled(tmp_path: Path) -> None:
    path = tmp_path / "my.zip"
    simulator = Simulator()
    made = list(as_export(simulator, simulator.listeners[0], 120, 1_780_000_000_000))
    write_zip(path, made, rows_a_file=1_000)
    publisher, ledger, seen = RecordingPublisher(), RecordingLedger(), list[Progress]()
    report = await run_import([path], LISTENER, publisher, ledger, seen.append, import_id=0xB2)
    assert ledger.started[0][:2] == (LISTENER, 0xB2)
    assert len(ledger.started[0][2]) == -(-len(made) // 1_000)
    assert len(publisher.records) == len(made) == report.read
    assert publisher.settlings == 1
    assert ledger.failed == []
    assert {key for key, _, _ in publisher.records} == {b"00000000000000a1"}
    assert {headers["spotifire-import"] for _, _, headers in publisher.records} == {b"00000000000000b2"}
    assert len({headers["spotifire-origin"] for _, _, headers in publisher.records}) == len(made)
    assert seen[-1].state == "done"
    assert (seen[-1].read, seen[-1].published, seen[-1].bytes_done) == (len(made), len(made), seen[-1].bytes_total)
    assert {ignored.label.rpartition("/")[2] for ignored in seen[-1].ignored} >= {"Identity.json"}
    assert [each.read for each in seen] == sorted(each.read for each in seen)


async def test_nothing_personal_is_published(tmp_path: Path) -> None:
    simulator = Simulator()
    for name, endsong in (("a.json", False), ("endsong_0.json", True)):
        write(
            tmp_path / name, list(as_export(simulator, simulator.listeners[0], 5, 1_780_000_000_000, endsong=endsong))
        )
    publisher = RecordingPublisher()
    await run_import([tmp_path], LISTENER, publisher, RecordingLedger(), ignore)
    everything = b"".join((value or b"") + repr(headers).encode() for _, value, headers in publisher.records)
    assert len(publisher.records) > 100
    for planted in (PLANTED_ADDRESS, PLANTED_USER, PLANTED_AGENT, "SM-G990B"):
        assert planted.encode() not in everything


async def test_repeats_are_rows_that_say_the_same_and_are_not_refused(tmp_path: Path) -> None:
    refused = row(ms_played=-5)
    made = [*rows(20), *rows(5), row(ip_addr="198.51.100.9"), row(), row(skipped=True), refused, refused, 7, 7]
    ledger = RecordingLedger()
    await run_import([write(tmp_path / "a.json", made)], LISTENER, RecordingPublisher(), ledger, ignore)
    assert ledger.finished == [(len(made), 5 + 2)]


async def test_input_that_is_no_export_leaves_no_import(tmp_path: Path) -> None:
    ledger = RecordingLedger()
    with pytest.raises(UserError):
        await run_import([tmp_path], LISTENER, RecordingPublisher(), ledger, ignore)
    assert ledger.started == []


async def test_a_file_that_ends_early_is_a_failed_import_with_its_cause(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.json", rows(3_000)).read_bytes()
    write(tmp_path / "a.json", whole[: len(whole) // 2])
    publisher, ledger = RecordingPublisher(), RecordingLedger()
    with pytest.raises(UserError, match=r"a\.json ends in the middle"):
        await run_import([tmp_path], LISTENER, publisher, ledger, ignore)
    assert ledger.finished == []
    assert len(ledger.failed) == 1
    assert "a.json ends in the middle" in ledger.failed[0]
    assert "import again" in ledger.failed[0]


async def test_a_publisher_that_fails_fails_the_import(tmp_path: Path) -> None:
    write(tmp_path / "a.json", rows(3_000))
    ledger = RecordingLedger()
    publisher = RecordingPublisher(BrokerUnavailable("Kafka is gone."), fail_after=1_000)
    with pytest.raises(BrokerUnavailable):
        await run_import([tmp_path], LISTENER, publisher, ledger, ignore)
    assert ledger.failed == ["Kafka is gone."]


async def test_a_ledger_that_cannot_note_the_failure_hides_nothing(tmp_path: Path) -> None:
    class DeadLedger(RecordingLedger):
        def fail(self, import_id: int, why: str) -> None:
            raise StoreUnavailable("ClickHouse is gone.")

    write(tmp_path / "a.json", rows(10))
    with pytest.raises(BrokerUnavailable):
        await run_import(
            [tmp_path], LISTENER, RecordingPublisher(BrokerUnavailable("Kafka is gone.")), DeadLedger(), ignore
        )


@pytest.mark.parametrize("where", ["publishing", "settling"])
async def test_a_stopped_import_says_so(tmp_path: Path, where: str) -> None:
    class Stuck(RecordingPublisher):
        async def publish_many(self, *args: object) -> None:
            reached.set()
            if where == "publishing":
                await asyncio.Event().wait()

        async def settled(self) -> None:
            reached.set()
            await asyncio.Event().wait()

    reached = asyncio.Event()
    write(tmp_path / "a.json", rows(3_000))
    ledger = RecordingLedger()
    task = asyncio.create_task(run_import([tmp_path], LISTENER, Stuck(), ledger, ignore))
    await reached.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ledger.failed == ["It was stopped. Import again: what is stored is not added twice."]


async def test_the_event_loop_stays_free_while_reading(tmp_path: Path) -> None:
    """A ticker beside a publisher that never waits gets its turns, and the ledger is asked elsewhere."""
    write(tmp_path / "a.json", rows(12_000) * 4)
    turns, stop = 0, asyncio.Event()

    async def tick() -> None:
        nonlocal turns
        while not stop.is_set():
            await asyncio.sleep(0)
            turns += 1

    ticker = asyncio.create_task(tick())
    loop_thread, threads = threading.get_ident(), set()

    class Ledger(RecordingLedger):
        def progress(self, import_id: int, read: int, published: int) -> None:
            threads.add(threading.get_ident())

    await run_import([tmp_path], LISTENER, RecordingPublisher(), Ledger(), ignore)
    stop.set()
    await ticker
    assert turns > 20
    assert loop_thread not in threads
