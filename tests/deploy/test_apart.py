"""The process that reads an export: what it says is what `feed` says here, and it outlives nobody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from deploy.apart import WORTH_BYTES, Apart
from deploy.kafka.inprocess import InProcessBroker
from producers.history.feeding import Found, Progress, feed
from producers.simulator.export import export_of, write_zip
from streams.contracts.errors import BrokerUnavailable, SpotifireError, UserError
from tests.history.recording import RecordingPublisher, rows, write
from tests.support.stack import column, running, upload

UNTIL = 1_780_000_000_000
ROWS = 30_000
WITHIN_S = 10.0
PARENT = """
import asyncio, sys
from pathlib import Path
from deploy.apart import Apart

async def nothing(_): pass

asyncio.run(Apart(sys.argv[1])([Path(sys.argv[2])], 1, 2, nothing, nothing))
"""


@pytest.fixture
def broker() -> Iterator[str]:
    with InProcessBroker() as running_broker:
        yield running_broker.bootstrap


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "my.zip"
    write_zip(path, export_of(ROWS, UNTIL))
    return path


async def ignore(_: object) -> None:
    """Nobody watches."""


def children(pid: int) -> list[int]:
    """Processes that read an export for that one."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return [child for child in found if "deploy.apart" in command_line(child)]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()  # empty once it is a zombie
    except OSError:
        return ""


def child_of(pid: int) -> int:
    until = time.monotonic() + WITHIN_S * 3
    while not (found := children(pid)):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found[0]


def gone(pid: int) -> bool:
    until = time.monotonic() + WITHIN_S
    while "deploy.apart" in command_line(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    "content", [b"no zip at all", json.dumps(rows(3_000)).encode()[:90_000]], ids=["refused", "torn"]
)
async def test_an_error_is_the_same(broker: str, tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / ("a.zip" if content.startswith(b"no") else "a.json"), content)
    told: list[tuple[str, str]] = []
    begun: list[Found] = []

    async def found(what: Found) -> None:
        begun.append(what)

    for feeding in (partial(feed, publisher=RecordingPublisher()), Apart(broker)):
        with pytest.raises(UserError) as caught:
            await feeding([path], 1, 2, found, ignore)
        told.append((caught.value.message, caught.value.cure))
    assert told[0] == told[1]
    assert begun[: len(begun) // 2] == begun[len(begun) // 2 :]


async def test_a_broker_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match="cannot be reached"):
        await Apart("127.0.0.1:1")([write(tmp_path / "a.json", rows(10))], 1, 2, ignore, ignore)


async def test_what_cannot_be_noted_ends_it(broker: str, export: Path) -> None:
    async def found(_: Found) -> None:
        raise SpotifireError("The ledger is full.")

    with pytest.raises(SpotifireError, match="ledger is full"):
        await Apart(broker)([export], 1, 2, found, ignore)
    assert children(os.getpid()) == []


@pytest.mark.parametrize("how", ["cancelled", "killed"])
async def test_it_ends_with_the_import_and_the_import_with_it(broker: str, export: Path, how: str) -> None:
    """Nobody commits what is published, so that it cannot come to its end by itself."""
    seen = asyncio.Event()

    async def tell(_: Progress) -> None:
        seen.set()

    apart = Apart(broker)
    assert apart.takes([export])
    task = asyncio.create_task(apart([export], 1, 2, ignore, tell))
    await asyncio.wait_for(seen.wait(), 60)
    assert not apart.takes([export])
    (child,) = children(os.getpid())
    if how == "cancelled":
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        os.kill(child, signal.SIGKILL)
        with pytest.raises(SpotifireError, match="ended by signal 9") as caught:
            await task
        assert "Import again" in caught.value.cure
    assert not command_line(child)
    assert apart.takes([export])


def test_it_ends_with_a_parent_that_was_killed(broker: str, export: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, broker, str(export)])
    child = child_of(parent.pid)
    time.sleep(1.0)
    parent.kill()
    parent.wait()
    assert gone(child)


def test_small_files_are_not_worth_it(tmp_path: Path) -> None:
    apart = Apart("")
    path = write(tmp_path / "a.json", rows(10))
    assert not apart.takes([path])
    path.write_bytes(b"[" + b" " * WORTH_BYTES)
    assert apart.takes([path])
    assert not apart.takes([tmp_path / "gone"])


def test_killed_with_up_and_imported_again(export: Path, tmp_path: Path) -> None:
    """Nothing is lost and nothing is there twice, and no process is left."""
    data = tmp_path / "up"
    with running(data, "--no-demo") as up, up.api() as api:
        api.post("/listeners", {"name": "Ada", "timezone": "Europe/Lisbon"})
        importing = subprocess.Popen(
            [sys.executable, "-m", "deploy", "import", str(export), "--listener", "Ada", "--data", str(data)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert up.process is not None
        child = child_of(up.process.pid)
        while not column(api, "SELECT count() FROM v_plays")[0]:
            time.sleep(0.05)
        up.process.kill()
        up.process.wait()
        assert importing.wait(60) != 0
        assert gone(child)
    with running(data, "--no-demo") as up, up.api() as api:
        report = upload(api, "Ada", [export])
        assert report["read"] == report["stored"] + report["known"] == ROWS
        assert report["known"] > 0
        assert column(api, "SELECT count() FROM v_sightings") == column(
            api, "SELECT uniqExact(sighting_id) FROM v_sightings"
        )
        assert column(api, "SELECT count() FROM v_sightings") == [ROWS]
