"""Export, backup, archive and what an erasure leaves, over HTTP: who may, and what comes."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from api.services import Services
from sinks import backups
from sinks.clickhouse import ClickHouse
from sinks.erase import erase_listener
from sinks.library import ClickHouseLibrary
from sinks.listeners import Listeners
from sinks.tokens import Tokens
from sinks.travel import Decision, Travel
from sinks.writer import Writer
from streams.contracts.ports import LibraryEntry, Reconciliation, Shelf
from streams.contracts.tables import IMPORT_ROWS
from streams.enrich.travel import Trip
from tests.api.conftest import Library
from tests.support.clickhouse import fresh_database
from tests.support.rows import NOON_MS, sighting, sightings_table
from tests.support.web import client_of, create_app, owner_client, seed, services


def of(ch: ClickHouse, folder: Path, **parts: Any) -> Services:
    return services(ch, folder, database=ch, **parts)


async def test_a_listener_exports_themselves_and_nobody_else(library: Library, tmp_path: Path) -> None:
    app = create_app(of(library.ch, tmp_path))
    _, token = Tokens(library.ch).add("phone", "listener", library.seeded.ada.id)
    async with client_of(app, authorization=f"Bearer {token}") as ada:
        for format_ in ("jsonl", "csv", "parquet"):
            answer = await ada.get(f"/api/v1/listeners/Ada/export?format={format_}")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/zip"
            with ZipFile(io.BytesIO(answer.content)) as zipped:
                assert zipped.testzip() is None
                assert json.loads(zipped.read("manifest.json"))["name"] == "Ada"
        assert (await ada.get("/api/v1/listeners/Bob/export")).status_code == 404
        assert (await ada.get("/api/v1/listeners/Ada/export?format=xml")).status_code == 422
        for method, path in (
            ("POST", "/api/v1/backup"),
            ("POST", "/api/v1/archive"),
            ("POST", "/api/v1/archive/restore"),
            ("POST", "/api/v1/imports"),
            ("GET", f"/api/v1/held/{library.seeded.ada.listener}"),
        ):
            assert (await ada.request(method, path, json={})).status_code == 403, path


async def test_a_backup_is_one_that_can_be_restored(library: Library, tmp_path: Path) -> None:
    async with owner_client(create_app(of(library.ch, tmp_path))) as owner:
        for kind in ("zip", "tar.zst"):
            answer = await owner.post("/api/v1/backup", params={"format": kind})
            assert answer.status_code == 200
            file = tmp_path / f"b.{kind}"
            file.write_bytes(answer.content)
            made = backups.unpack(file, tmp_path / f"read-{kind}")
            assert made.tables["plays"].rows == 33
            assert "SPOTIFIRE_KEY_FILE" in made.key
    assert not list((tmp_path / "uploads").iterdir())


async def test_the_archive_runs_and_says_what_it_did(library: Library, tmp_path: Path) -> None:
    async with owner_client(create_app(of(library.ch, tmp_path))) as owner:
        answer = await owner.post("/api/v1/archive", json={})
        assert answer.json()["place"] == str(tmp_path / "archive")
        wrong = await owner.post("/api/v1/archive", json={"to": "ftp://x"})
        assert (wrong.status_code, wrong.json()["exit_code"]) == (400, 2)


async def test_an_archive_is_restored_any_number_of_times_also_after_an_erasure(
    engine: ClickHouse, tmp_path: Path
) -> None:
    taken: list[int] = []

    async def run(paths: Any, listener: int, import_id: int, on_progress: Any) -> Reconciliation:
        taken.append(listener)
        return Reconciliation(
            import_id=f"{import_id:016x}", read=0, stored=0, known=0, refused={}, plays_new=0, plays_merged=0,
            gaps_closed=0, seconds=0,
        )  # fmt: skip

    with fresh_database() as ch:
        listeners = Listeners(ch)
        ada = listeners.add("Ada", "Europe/Lisbon")
        Writer(ch, threading.Event()).write_sightings(
            sightings_table(sighting(ada.id, NOON_MS)), IMPORT_ROWS.empty_table()
        )
        async with create(ch, tmp_path, run) as owner:
            assert (await owner.post("/api/v1/archive", json={})).json()["rows"] == 1
            expected = [ada.id]
            for _ in range(2):  # erased, restored twice, and all of it once more
                answers = [await owner.post("/api/v1/archive/restore", json={}) for _ in range(2)]
                assert [answer.status_code for answer in answers] == [200, 200], answers[-1].text
                assert taken == [expected[-1]] * 2
                taken.clear()
                erase_listener(ch, Listeners(ch).remove("Ada").listener)
                answer = await owner.post("/api/v1/archive/restore", json={})
                assert answer.status_code == 200, answer.text
                expected += taken
                taken.clear()
            assert [row.name for row in listeners.list()] == ["Ada"]
            assert len(set(expected)) == 3, "an erased id stays refused"


async def test_what_is_held_of_somebody_who_was_erased(engine: ClickHouse, tmp_path: Path) -> None:
    with fresh_database() as ch:
        seeded = seed(ch, Writer(ch, threading.Event()))
        async with owner_client(create_app(of(ch, tmp_path))) as owner:
            before = (await owner.get(f"/api/v1/held/{seeded.ada.listener}")).json()
            assert (before["rows"]["plays"], before["erased_at"], before["topics_until"]) == (30, None, {})
            Listeners(ch).remove("Ada")
            erase_listener(ch, seeded.ada.id)
            after = (await owner.get(f"/api/v1/held/{seeded.ada.listener}")).json()
        assert not any(after["rows"].values())
        assert after["erased_at"]
        assert after["topics_until"]["music.play.recorded.v1"] > after["erased_at"]
        assert after["topics_until"]["music.listener.profile.v1"] is None


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
async def test_an_export_makes_its_listener_anew(engine: ClickHouse, tmp_path: Path, format_: str) -> None:
    taken: list[tuple[list[str], int]] = []
    ran = asyncio.Event()

    async def run(paths: Any, listener: int, import_id: int, on_progress: Any) -> Reconciliation:
        taken.append(([path.name for path in paths], listener))
        ran.set()
        return Reconciliation(
            import_id=f"{import_id:016x}", read=0, stored=0, known=0, refused={}, plays_new=0, plays_merged=0,
            gaps_closed=0, seconds=0,
        )  # fmt: skip

    with fresh_database() as ch, fresh_database() as fresh:
        listeners = Listeners(ch)
        ada = listeners.add("Ada", "Europe/Lisbon")
        listeners.set_zone("Ada", "Asia/Tokyo", 1_700_000_000_000)
        listeners.set("Ada", min_ms_played=10_000, count_incognito=True, profile_sources="export")
        ch.command(
            "INSERT INTO corrections (listener, kind, subject, version, target, ids, keys, label) VALUES "
            f"({ada.id}, 'play', 'x', 1, '', [18446744073709551615], [], 'a, \"b\"'), "
            f"({ada.id}, 'merge', 'spotify:track:1', 1, 'spotify:track:2', [], ['k\\x1fl'], ''), "
            f"({ada.id}, 'country', '', 1, '', [], [], ''), "
            f"({ada.id}, 'undo', '0000000000000001', 1, '', [], [], '')"
        )
        trip = Trip("JP", 1_700_000_040_000, 1_700_900_000_000, 31)
        Travel(ch).decide(ada.id, Decision(trip, "accepted", "Asia/Tokyo", 1_700_000_000_000, 1_701_000_000_000))
        Travel(ch).decide(ada.id, Decision(trip._replace(country="FR"), "refused"))
        ch.command(f"INSERT INTO gaps VALUES ({ada.id}, 'lastfm', '2024-01-01', '2024-01-02', 1, NULL, 0)")
        library, gone = ClickHouseLibrary(ch), LibraryEntry(item="gone1", title='a, "b"', added_at=1_700_000_000_000)
        saved, top = Shelf("saved-track"), Shelf("top-artist", "long")
        library.synchronise(ada.id, saved, [gone, LibraryEntry(item="here2")], whole=True, looked_at=1_750_000_000_000)
        library.synchronise(ada.id, saved, [LibraryEntry(item="here2")], whole=True, looked_at=1_760_000_000_000)
        library.synchronise(ada.id, top, [LibraryEntry(item="a", position=1)], whole=True, looked_at=1_760_000_000_000)
        async with owner_client(create_app(of(ch, tmp_path))) as owner:
            zipped = (await owner.get(f"/api/v1/listeners/Ada/export?format={format_}")).content
            refused = await sent(owner, zipped)
            assert "here already" in (await sent(create(ch, tmp_path, run), zipped)).json()["detail"]
            assert refused.status_code == 503  # no importer in this process
        answer = await sent(create(fresh, tmp_path, run), zipped)
        assert answer.status_code == 202, answer.text
        row = Listeners(fresh).get(ada.listener)
        assert row == Listeners(ch).get(ada.listener).__class__(**{
            **vars(Listeners(ch).get("Ada")), "created_at": row.created_at
        })  # fmt: skip
        said = "kind, subject, target, ids, keys, label"
        assert fresh.query(f"SELECT {said} FROM corrections FINAL ORDER BY kind") == ch.query(
            f"SELECT {said} FROM corrections FINAL WHERE kind != 'undo' ORDER BY kind"
        )
        assert fresh.query("SELECT * EXCEPT version FROM gaps") == ch.query("SELECT * EXCEPT version FROM gaps")
        items = "SELECT * EXCEPT version FROM library_items FINAL ORDER BY item"
        assert fresh.query(items) == ch.query(items)
        assert ClickHouseLibrary(fresh).standing(ada.id, saved).keys() == {"here2"}
        assert Travel(fresh).decided(ada.id) == Travel(ch).decided(ada.id) != []
        await asyncio.wait_for(ran.wait(), 10)
        assert taken == [(["e.zip"], ada.id)]
        # erased here: the old id stays refused, so there is a new one
        Listeners(fresh).remove("Ada")
        again = await sent(create(fresh, tmp_path, run), zipped)
        assert again.status_code == 202
        assert Listeners(fresh).get("Ada").listener != ada.listener


def create(ch: ClickHouse, folder: Path, run: Any) -> httpx.AsyncClient:
    return owner_client(create_app(of(ch, folder, imports=run)))


async def sent(client: httpx.AsyncClient, data: bytes) -> httpx.Response:
    return await client.post("/api/v1/imports", files={"files": ("e.zip", data)})


async def test_a_strangers_zip_is_refused(engine: ClickHouse, tmp_path: Path) -> None:
    async def run(*_: Any) -> Reconciliation:
        raise AssertionError

    def zipped(**members: bytes) -> bytes:
        file = io.BytesIO()
        with ZipFile(file, "w") as made:
            for name, data in members.items():
                made.writestr(name.replace("__", "."), data)
        return file.getvalue()

    def manifest(**files: str) -> bytes:
        listed = [{"table": table, "file": file, "rows": 1} for table, file in files.items()]
        return json.dumps({"spotifire_export": 1, "files": listed}).encode()

    row: dict[str, Any] = {
        "listener": "0" * 15 + "1",
        "name": "Eve",
        "zones": [{"starts": "1970-01-01T00:00:00Z", "zone": "UTC"}],
    }

    def told(**changes: Any) -> bytes:
        line = json.dumps({**row, **changes}).encode()
        return zipped(manifest__json=manifest(listeners="l.jsonl"), l__jsonl=line)

    cases = {
        "no zip": b"PK\x03\x04 nothing",
        "no manifest": zipped(a__json=b"{}"),
        "other manifest": zipped(manifest__json=b"[]"),
        "deep": zipped(manifest__json=b"[" * 100_000),
        "outside": zipped(manifest__json=manifest(listeners="../x"), **{"../x": b"{}"}),
        "missing": zipped(manifest__json=manifest(listeners="listeners.jsonl")),
        "no object": zipped(manifest__json=manifest(listeners="l.jsonl"), l__jsonl=b"7\n"),
        "name": told(name="a/b'; DROP"),
        "zone": told(zones=[]),
        "no zone": told(zones=[{"starts": "1970-01-01T00:00:00Z", "zone": "../../etc/passwd"}]),
        "id": told(listener="1 OR 1"),
    }
    with fresh_database() as ch:
        for case, data in cases.items():
            answer = await sent(create(ch, tmp_path, run), data)
            assert answer.status_code == 400, (case, answer.text)
            assert "\n" not in answer.json()["detail"], case
        assert Listeners(ch).list() == []
    assert not list((tmp_path / "uploads").iterdir())
