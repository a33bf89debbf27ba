"""What strangers send: a clear refusal or a clean row. Read by the importer itself, without Kafka and ledger."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from api import uploads
from api.services import ImportRunner
from producers.history.importer import run_import
from producers.history.zips import Limits
from sinks.clickhouse import ClickHouse
from streams.contracts.ports import Reconciliation
from tests.api.conftest import Library
from tests.api.test_imports import IMPORTS, app_of, ended
from tests.history.recording import RecordingLedger, RecordingPublisher, row
from tests.support.web import owner_client


class Hearing:
    """The real importer, onto a publisher and a ledger that record."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.publisher = RecordingPublisher()
        self.limits = limits

    async def __call__(
        self, paths: Sequence[Path], listener: int, import_id: int, on_progress: Callable[[Any], None]
    ) -> Reconciliation:
        return await run_import(
            paths, listener, self.publisher, RecordingLedger(), on_progress, import_id=import_id, limits=self.limits
        )

    def said(self) -> list[dict[str, Any]]:
        """The records that are events; the others are empty and refused by the worker."""
        return [json.loads(value) for _, value, _ in self.publisher.records if value]


async def told(ch: ClickHouse, folder: Path, run: ImportRunner, *files: tuple[str, bytes]) -> dict[str, Any]:
    """What becomes of an upload. Nothing of it is left on the disk."""
    async with owner_client(app_of(ch, folder, run)) as client:
        answer = await client.post(IMPORTS, files=[("files", file) for file in files])
        assert answer.status_code == 202, answer.text
        state = await ended(client, answer.headers["location"])
    assert list((folder / "uploads").iterdir()) == []
    assert "\n" not in state["detail"]
    return state


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def crowded(count: int) -> bytes:
    """A zip whose directory names one small member `count` times."""
    packed = zipped({"a.json": b"[]"})
    at, end = packed.index(b"PK\x01\x02"), packed.index(b"PK\x05\x06")
    directory = packed[at:end] * count
    return packed[:at] + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), at, 0)


@pytest.mark.parametrize(
    ("content", "limits", "why"),
    [
        pytest.param(crowded(90_000), None, "more than 10,000 members", id="a directory that is too large to be read"),
        pytest.param(crowded(30), Limits(members=20), "more than 20 members", id="too many members"),
        pytest.param(zipped({"a.json": b" " * 30_000_000}), None, "250 times its packed size", id="a bomb"),
        pytest.param(zipped({"a.json": b"[]" * 60}), Limits(total_bytes=100), "would unpack to 120", id="too large"),
        pytest.param(zipped({"../../a.json": b"[]"}), None, "leads outside", id="a name that leads outside"),
        pytest.param(zipped({"/etc/a.json": b"[]"}), None, "leads outside", id="an absolute name"),
        pytest.param(zipped({"a.zip": zipped({"b.zip": b"PK"})}), None, "no streaming history", id="zips in zips"),
        pytest.param(zipped({"a.json": b"[]"})[:-9], None, "damaged or incomplete", id="cut off"),
        pytest.param(b"PK\x03\x04" + b"\xff" * 999, None, "damaged or incomplete", id="only the beginning of a zip"),
        pytest.param(b"\x00" * 5_000_000, None, "is not a zip", id="nothing at all"),
    ],
)
async def test_a_hostile_zip_is_refused_in_one_line_with_a_cure(
    library: Library, tmp_path: Path, content: bytes, limits: Limits | None, why: str
) -> None:
    run = Hearing(limits)
    state = await told(library.ch, tmp_path, run, ("my_spotify_data.zip", content))
    assert (state["state"], state["exit_code"], run.publisher.records) == ("failed", 2, [])
    assert why in state["detail"], state["detail"]
    assert state["detail"].count(". ") >= 1, "cause, then cure"


DEEP = b"[" * 200_000 + b"]" * 200_000
LISTEN = b'{"listened_at":1704067200,"track_metadata":{"artist_name":"Adele","track_name":%b}}'
HOSTILE_ROWS = {
    "extended": b'[%b,{"ts":"2024-01-01","ms_played":1,"x":%%b}]' % json.dumps(row()).encode(),
    "account": b'[{"endTime":"2024-01-01 10:00","artistName":"A","trackName":"T","msPlayed":1},'
    b'{"endTime":"2024-01-01 10:00","artistName":"A","trackName":%b,"msPlayed":1}]',
    "listens": LISTEN % b'"Hello"' + b"\n" + LISTEN,
    "scrobbles": b'[{"artist":{"#text":"A"},"name":"T","date":{"uts":"1704067200"}},'
    b'{"artist":{"#text":"A"},"name":%b,"date":{"uts":"1704067200"}}]',
}


@pytest.mark.parametrize("kind", HOSTILE_ROWS)
@pytest.mark.parametrize(
    "value", [pytest.param(DEEP, id="deep"), pytest.param(b'"%b"' % (b"a" * 3_000_000), id="long")]
)
async def test_a_row_without_end_is_one_row_that_is_refused(
    library: Library, tmp_path: Path, kind: str, value: bytes
) -> None:
    run = Hearing()
    state = await told(library.ch, tmp_path, run, ("history.json", HOSTILE_ROWS[kind] % value))
    assert (state["state"], state["report"]["read"]) == ("done", 2), state["detail"]
    assert len(run.publisher.records) == 2, "each row is told, one way or the other"
    assert sorted(len(value or b"") < 2_000 for _, value, _ in run.publisher.records) == [True, True]
    assert len(run.said()) >= 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b'[{"endTime":"2024-01-01 10:00","artistName":"%b","trackName":"T","msPlayed":1}]'),
        ("a.jsonl", b'{"listened_at":1704067200,"track_metadata":{"artist_name":"%b","track_name":"T"}}'),
        ("a.csv", b"uts,artist,album,track\n1704067200,%b,,T\n"),
        ("b.json", b'{"username":"u","scrobbles":[{"artist":"%b","track":"T","date":1704067200000}]}'),
    ],
)
async def test_control_characters_and_turned_text_in_names_are_cleaned(
    library: Library, tmp_path: Path, name: str, content: bytes
) -> None:
    escaped = "\x1b[31m\x07evil\u202egnp" if name.endswith("csv") else "\\u001b[31m\\u0007evil\\u202egnp"
    run = Hearing()
    state = await told(library.ch, tmp_path, run, (name, content % escaped.encode()))
    assert state["state"] == "done", state["detail"]
    assert [one["artists"] for one in run.said()] == [[{"name": "[31m evil gnp"}]]


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("../../../etc/passwd", "passwd"),
        ("..", "file"),
        ("C:\\Windows\\a.json", "a.json"),
        ("a\u202egnp.json", "a_gnp.json"),
        ("a\x1b[2Jb.json", "a__2Jb.json"),
        ("\U00010400" * 300 + ".json", "\U00010400" * 48 + ".json"),
        ("x" * 5_000, None),
    ],
)
async def test_the_name_of_a_file_leads_nowhere(
    library: Library, tmp_path: Path, name: str, becomes: str | None
) -> None:
    run = Hearing()
    app = app_of(library.ch, tmp_path, run)
    body = json.dumps([row()]).encode()
    disposition = f'form-data; name="files"; filename="{name}"'.encode()
    content = b"--x\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + body + b"\r\n--x--\r\n"
    async with owner_client(app) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await client.post(IMPORTS, content=content, headers=headers)
        if becomes is None:
            assert answer.status_code in (400, 413), answer.text
        else:
            assert (answer.status_code, answer.json()["files"]) == (202, [becomes])
            assert (await ended(client, answer.headers["location"]))["report"]["read"] == 1
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_too_many_files_and_too_many_bytes_are_refused_on_the_way(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_FILES", 20)
    app = app_of(library.ch, tmp_path, Hearing(), max_upload=200_000)

    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(10_000):
            yield b"x" * 1_000

    async with owner_client(app) as client:
        many = await client.post(IMPORTS, files=[("files", (f"{n}.json", b"[]")) for n in range(21)])
        assert (many.status_code, many.json()["cure"]) == (413, "Send them as one zip.")
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        large = await client.post(IMPORTS, content=endless(), headers=headers)  # of no announced length
        assert large.status_code == 413 and "200,000 bytes" in large.json()["detail"]
    assert list((tmp_path / "uploads").iterdir()) == []
