"""Files handed in: they reach the importer byte for byte, within limits, and its progress is seen."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import lasting, uploads
from api.app import create_app
from api.services import ImportRunner
from producers.history.feeding import Progress
from sinks.clickhouse import ClickHouse
from sinks.imports import Imports
from sinks.listeners import Listeners
from sinks.tokens import Tokens
from sinks.writer import Writer
from streams.contracts import ids
from streams.contracts.errors import ImpossibleTime, MalformedJson, UserError
from streams.contracts.ports import Reconciliation
from streams.contracts.record import IMPORT, ORIGIN, Record
from streams.refusals import Refusal, dead_letter_table
from tests.streams.worlds import NOW
from tests.support.web import TOKEN, client_of, owner_client, served, services, settings

IMPORTS = "/api/v1/listeners/Ada/imports"


class Reader:
    """An importer that reads what it is given, and waits until it may end."""

    def __init__(self) -> None:
        self.seen: dict[str, bytes] = {}
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(
        self, paths: Sequence[Path], listener: int, import_id: int, on_progress: Callable[[Any], None]
    ) -> Reconciliation:
        self.seen = {path.name: path.read_bytes() for path in paths}
        size = sum(map(len, self.seen.values()))
        name = ids.to_hex(import_id)
        on_progress(
            Progress(import_id=name, state="reading", read=size, published=size, bytes_done=size, bytes_total=size)
        )
        self.has_begun.set()
        await self.may_end.wait()
        if b"bad" in self.seen.values():
            raise UserError("This is no export.", cure="Give the zip that Spotify sent.")
        return Reconciliation(
            import_id=name, read=size, stored=size, known=0, refused={}, plays_new=size, plays_merged=0,
            gaps_closed=0, seconds=0.1,
        )  # fmt: skip


def app_of(ch: ClickHouse, folder: Path, run: ImportRunner, **limits: int) -> FastAPI:
    given = services(ch, folder, imports=run, settings=settings(folder, **limits))
    assert given.listeners is not None
    if not given.listeners.list():
        given.listeners.add("Ada", "UTC")
    return create_app(given)


async def ended(client: httpx.AsyncClient, place: str) -> dict[str, Any]:
    for _ in range(200):
        state: dict[str, Any] = (await client.get(place)).json()
        if state["state"] != "running":
            return state
        await asyncio.sleep(0.01)
    raise AssertionError("the import did not end")


async def test_files_reach_the_importer_as_they_were(clickhouse: ClickHouse, tmp_path: Path) -> None:
    run = Reader()
    app = app_of(clickhouse, tmp_path, run)
    large = bytes(range(256)) * 8192
    async with owner_client(app) as client:
        files = [("files", ("a.zip", large)), ("files", ("../../etc/b\\c é.json", b"\r\n--x\r\n"))]
        answer = await client.post(IMPORTS, files=files)
        assert answer.status_code == 202, answer.text
        place = answer.headers["location"]
        await run.has_begun.wait()
        running = (await client.get(place)).json()
        assert (running["state"], running["progress"]["bytes_total"]) == ("running", len(large) + 7)
        assert len(list((tmp_path / "uploads").iterdir())) == 1
        run.may_end.set()
        done = await ended(client, place)
    assert run.seen == {"a.zip": large, "c é.json": b"\r\n--x\r\n"}
    assert done["report"]["stored"] == len(large) + 7
    assert done["files"] == ["a.zip", "c é.json"]
    assert list((tmp_path / "uploads").iterdir()) == [], "nothing is left on the disk"


async def test_an_import_that_fails_says_why(clickhouse: ClickHouse, tmp_path: Path) -> None:
    run = Reader()
    run.may_end.set()
    async with owner_client(app_of(clickhouse, tmp_path, run)) as client:
        answer = await client.post(IMPORTS, files=[("files", ("a.zip", b"bad"))])
        failed = await ended(client, answer.headers["location"])
    assert failed["state"] == "failed"
    assert failed["detail"] == "This is no export. Give the zip that Spotify sent."
    assert failed["exit_code"] == 2


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (415, {"content": b"{}", "headers": {"Content-Type": "application/json"}}),
        (400, {"content": b"--x\r\nno", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
        (400, {"content": b"--y--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
        (400, {"files": {"name": (None, "only a field")}}),
        (413, {"files": {"files": ("a.json", b"x" * 200_000)}}),
    ],
)
async def test_what_is_no_upload_is_refused_and_leaves_nothing(
    clickhouse: ClickHouse, tmp_path: Path, status: int, request_: dict[str, Any]
) -> None:
    app = app_of(clickhouse, tmp_path, Reader(), max_upload=100_000)
    async with owner_client(app) as client:
        answer = await client.post(IMPORTS, **request_)
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status
    uploads = tmp_path / "uploads"
    assert not uploads.exists() or list(uploads.iterdir()) == []


async def test_progress_arrives_as_events_up_to_the_end(clickhouse: ClickHouse, tmp_path: Path) -> None:
    run = Reader()
    app = app_of(clickhouse, tmp_path, run)
    states = []
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with served(app) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client:
        place = (await client.post(IMPORTS, files=[("files", ("a.json", b"[]"))])).headers["location"]
        async with client.stream("GET", f"{place}/stream") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    states.append(json.loads(line[5:])["state"])
                    run.may_end.set()
    assert states[0] == "running"
    assert states[-1] == "done"


async def test_an_imports_stream_ends_when_its_token_is_revoked(
    clickhouse: ClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the import says nothing."""
    monkeypatch.setattr(lasting, "ASK", 0.1)
    run = Reader()
    app = app_of(clickhouse, tmp_path, run)
    row, token = Tokens(clickhouse).add("phone", "listener", Listeners(clickhouse).get("Ada").id)
    async with (
        served(app) as url,
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=15) as owner,
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=15) as client,
        asyncio.timeout(15),
    ):
        place = (await owner.post(IMPORTS, files=[("files", ("a.json", b"[]"))])).headers["location"]
        await run.has_begun.wait()
        async with client.stream("GET", f"{place}/stream") as stream:
            lines = stream.aiter_lines()
            async for line in lines:
                if line.startswith("data:"):
                    break
            Tokens(clickhouse).revoke(row.token_id)
            assert [line async for line in lines if line.startswith("data:")] == []
        assert (await owner.get(place)).json()["state"] == "running"
        run.may_end.set()
        await ended(owner, place)


async def test_an_import_belongs_to_its_listener(clickhouse: ClickHouse, tmp_path: Path) -> None:
    run = Reader()
    run.may_end.set()
    app = app_of(clickhouse, tmp_path, run)
    async with client_of(app) as client:
        await client.post("/api/v1/listeners", json={"name": "Bob", "timezone": "UTC"})
        place = (await client.post(IMPORTS, files=[("files", ("a.json", b"[]"))])).headers["location"]
        await ended(client, place)
        import_id = place.rsplit("/", 1)[1]
        assert (await client.get(f"/api/v1/listeners/Bob/imports/{import_id}")).status_code == 404


async def test_nothing_of_a_persons_goes_to_a_demo_listener(clickhouse: ClickHouse, tmp_path: Path) -> None:
    app = app_of(clickhouse, tmp_path, Reader())
    Listeners(clickhouse).add("Maya", "UTC", is_demo=True)
    async with owner_client(app) as client:
        answer = await client.post("/api/v1/listeners/Maya/imports", files=[("files", ("a.zip", b"x"))])
        assert answer.status_code == 409
        assert "spotifire demo remove" in answer.json()["cure"]
        begun = await client.post("/api/v1/listeners/Maya/connection", json={"client_id": "x"})
        assert begun.status_code == 409
    assert not (tmp_path / "uploads").exists()


async def test_a_disk_that_takes_no_more_is_told(
    clickhouse: ClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads._Receiver, "feed", full)
    async with owner_client(app_of(clickhouse, tmp_path, Reader())) as client:
        answer = await client.post(IMPORTS, files=[("files", ("a.zip", b"x"))])
    assert answer.status_code == 507
    assert "No space left" in answer.json()["detail"]
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_the_kept_report_says_which_files_and_rows_were_left_out(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """As `imports show` and the page have it, after the process that ran it is gone."""
    app = app_of(clickhouse, tmp_path, Reader())
    ledger, letters = Imports(clickhouse), []
    ada = Listeners(clickhouse).get("Ada").id
    ledger.start(ada, 7, ["a.json"], [("Identity.json", "no list of plays")])
    for place, reason in (
        (12, "impossible-time"),
        (9, "impossible-time"),
        (100, "impossible-time"),
        (3, "malformed-json"),
    ):
        refused = ImpossibleTime("m") if reason == "impossible-time" else MalformedJson("m")
        headers = ((IMPORT, b"0000000000000007"), (ORIGIN, f"a.json#{place}".encode()))
        letters.append(Refusal(Record("t", 0, place, NOW, None, b"x", headers), refused))
    Writer(clickhouse, threading.Event()).write_dead_letters(dead_letter_table(letters, NOW))
    ledger.finish(7, 4, 0, 1.5)
    async with owner_client(app) as client:
        shown = (await client.get(f"{IMPORTS}/0000000000000007")).json()
        listed = (await client.get(IMPORTS)).json()["imports"]
    assert shown["left_out"] == listed[0]["left_out"] == [{"file": "Identity.json", "why": "no list of plays"}]
    assert [(one["reason"], one["rows"], one["places"]) for one in shown["refused_rows"]] == [
        ("impossible-time", 3, ["a.json#9", "a.json#12", "a.json#100"]),
        ("malformed-json", 1, ["a.json#3"]),
    ]
    async with served(app) as url, httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as web:
        events = (await web.get(f"{IMPORTS}/0000000000000007/stream")).text
        assert [json.loads(line[5:]) for line in events.splitlines() if line.startswith("data:")] == [shown]
        assert (await web.get(f"{IMPORTS}/0000000000000008/stream")).status_code == 404
