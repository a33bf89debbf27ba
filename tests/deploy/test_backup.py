"""A whole instance out and back, and to a server, on real engines; also while rows are being written."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sinks import backups, moving, packs
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.exports.pages import layouts
from sinks.migrate import migrate
from sinks.proofs import Proof, proof
from sinks.writer import Writer
from streams.contracts.errors import UserError
from streams.contracts.tables import IMPORT_ROWS
from tests.support.clickhouse import fresh_database
from tests.support.rows import NOON_MS, play, plays_table, sighting, sightings_table
from tests.support.stack import answer, command
from tests.support.web import seed

HOUR = 3_600_000


def filled(ch: ClickHouse, sightings: int = 500) -> None:
    """Rows in many tables, some of them replaced and removed since, over several years."""
    store = Writer(ch, threading.Event())
    seeded = seed(ch, store)
    rows = [
        sighting(seeded.ada.id, NOON_MS - number * 60 * HOUR, artist_names=["a"], artist_ids=["id"], title=f"t{number}")
        for number in range(sightings)
    ]
    store.write_sightings(sightings_table(*rows), IMPORT_ROWS.empty_table())
    store.write_sightings(sightings_table(*({**row, "version": 2} for row in rows[:50])), IMPORT_ROWS.empty_table())
    store.write_sightings(
        sightings_table(*({**row, "version": 3, "is_deleted": 1} for row in rows[:20])), IMPORT_ROWS.empty_table()
    )
    ch.command(
        "INSERT INTO dead_letters (dead_letter_id, refused_at, reason, listener, payload, headers) SELECT 7, now64(3), "
        "'malformed-json', 0, unhex('ff00fe0a22'), map('a', unhex('c3'))"
    )


def proofs(ch: ClickHouse) -> dict[str, Proof]:
    return {table.name: proof(ch, table) for table in backups.ordered(list(layouts(ch).values()))}


@pytest.mark.parametrize("kind", ["zip", "tar.zst"])
def test_out_and_back(clickhouse: ClickHouse, tmp_path: Path, kind: packs.Kind) -> None:
    filled(clickhouse)
    made = backups.dump(clickhouse, tmp_path / "made")
    file = tmp_path / f"all.{kind}"
    file.write_bytes(b"".join(backups.pack(kind, tmp_path / "made", made)))
    assert packs.kind_of(file.name) == kind
    read = backups.unpack(file, tmp_path / "read")
    assert read == made
    with fresh_database(migrated=False) as fresh:
        backups.restore(fresh, tmp_path / "read", read)
        assert proofs(fresh) == proofs(clickhouse)
        assert proofs(fresh)["sightings"].rows == 480
        assert fresh.query("SELECT hex(payload) FROM dead_letters") == [("FF00FE0A22",)]
        with pytest.raises(UserError, match="is not empty"):
            backups.restore(fresh, tmp_path / "read", read)
        assert proofs(fresh) == proofs(clickhouse)
    assert not clickhouse.query("SELECT name FROM system.databases WHERE name LIKE '%snapshot%'")


def test_what_the_parts_measured_of_themselves_stays_where_it_was(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """An instance that has run, without anything stored yet, is empty; and what is old is dropped on its way in."""
    measured = "INSERT INTO measurements (measure, measured_at, value) SELECT 'blocked', now64(3), 1"
    filled(clickhouse, sightings=3)
    clickhouse.command(measured)
    made = backups.dump(clickhouse, tmp_path / "made")
    assert "measurements" not in made.tables
    with fresh_database() as fresh:
        fresh.command(measured)
        backups.restore(fresh, tmp_path / "made", made)
        assert proofs(fresh) == proofs(clickhouse)


def test_while_rows_are_written(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """Plays first, then sightings, as the worker does: what the backup holds is a moment of that."""
    filled(clickhouse, 100)
    store, stop, batch = Writer(clickhouse, threading.Event()), threading.Event(), 200
    acknowledged: list[int] = []

    def write() -> None:
        number = 0
        while not stop.is_set():
            ends = [NOON_MS + (number * batch + each) * HOUR for each in range(batch)]
            store.write_plays(plays_table(*(play(5, end, title=f"w{end}") for end in ends)))
            rows = [sighting(5, end, title=f"w{end}", artist_names=["John Coltrane"]) for end in ends]
            store.write_sightings(sightings_table(*rows), IMPORT_ROWS.empty_table())
            number += 1
            acknowledged.append(number * batch)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until = time.monotonic() + 30
        while not acknowledged and time.monotonic() < until:
            time.sleep(0.01)
        before = acknowledged[-1]
        made = backups.dump(clickhouse, tmp_path / "made")
    finally:
        stop.set()
        writer.join()
    with fresh_database(migrated=False) as fresh:
        backups.restore(fresh, tmp_path / "made", made)
        seen = fresh.query("SELECT ended_at FROM sightings FINAL WHERE listener = 5")
        played = {end for (end,) in fresh.query("SELECT ended_at FROM plays FINAL WHERE listener = 5")}
        assert before <= len(seen) <= acknowledged[-1] + batch
        assert len(seen) % batch == 0 or len({end.year for (end,) in seen}) > 1  # a block is whole within a year
        assert {end for (end,) in seen} <= played
        assert {name: found.rows for name, found in proofs(fresh).items()} == {
            name: found.rows for name, found in made.tables.items()
        }


def test_two_at_once(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """The one neither drops the other's snapshot nor loses its own."""
    with ThreadPoolExecutor(2) as both:
        dumps = [both.submit(backups.dump, clickhouse, tmp_path / name) for name in ("first", "second")]
        first, second = (one.result(timeout=60) for one in dumps)
    assert first.tables == second.tables


def test_an_older_schema_is_restored_and_updated(clickhouse: ClickHouse, tmp_path: Path) -> None:
    from sinks.migrate import migrations

    old = [m for m in migrations() if m.number <= 30]
    with fresh_database(migrated=False) as before:
        migrate(before, old)
        before.command("INSERT INTO gaps VALUES (1, 'lastfm', now64(3), now64(3), 5, NULL)")
        folder = tmp_path / "made"
        (folder / "tables").mkdir(parents=True)
        with backups._cloned(before) as (snapshot, tables):
            made = {
                t.name: backups._dumped(before, snapshot, t, backups.file_of(folder, t.name))
                for t in tables
                if t.name != "schema_versions"
            }
    manifest = backups.Manifest(
        spotifire_backup=1, made_at="", schema={str(m.number): m.checksum for m in old}, key="", tables=made
    )
    with fresh_database(migrated=False) as fresh:
        backups.restore(fresh, folder, manifest)
        assert fresh.query("SELECT listener, source, closed_by FROM gaps") == [(1, "lastfm", 0)]
        assert max(n for (n,) in fresh.query("SELECT number FROM schema_versions")) == migrations()[-1].number


def backup_of(ch: ClickHouse, folder: Path) -> Path:
    made = backups.dump(ch, folder / "made")
    file = folder / "good.zip"
    file.write_bytes(b"".join(backups.pack("zip", folder / "made", made)))
    return file


def rewritten(file: Path, change: Any) -> Path:
    """The same zip with members changed: {name: bytes} in, {name: bytes} out."""
    with zipfile.ZipFile(file) as zipped:
        found = {about.filename: zipped.read(about) for about in zipped.infolist()}
    target = file.with_name("changed.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as zipped:
        for name, data in change(found).items():
            zipped.writestr(name, data)
    return target


def manifest_with(found: dict[str, bytes], change: Any) -> dict[str, bytes]:
    manifest = json.loads(found["manifest.json"])
    change(manifest)
    return {**found, "manifest.json": json.dumps(manifest).encode()}


def test_a_strangers_file_is_refused(clickhouse: ClickHouse, tmp_path: Path) -> None:
    seed(clickhouse, Writer(clickhouse, threading.Event()))
    good = backup_of(clickhouse, tmp_path)

    def newer(manifest: dict[str, Any]) -> None:
        manifest["schema"]["9999"] = "0" * 64

    def injected(manifest: dict[str, Any]) -> None:
        manifest["tables"]["plays` SELECT 1; --"] = manifest["tables"]["plays"]

    def foreign(manifest: dict[str, Any]) -> None:
        manifest["tables"]["schema_versions"] = manifest["tables"]["plays"]

    def fewer(manifest: dict[str, Any]) -> None:
        manifest["tables"]["plays"]["xor"] = "0" * 16

    versions = "tables/schema_versions.parquet"
    cases: list[tuple[str, Any]] = [
        ("newer", lambda found: manifest_with(found, newer)),
        ("no backup of Spotifire", lambda found: manifest_with(found, injected)),
        ("no table of ours", lambda f: manifest_with({**f, versions: f["tables/plays.parquet"]}, foreign)),
        ("does not hold what it says", lambda found: manifest_with(found, fewer)),
        ("which no backup does", lambda found: {**found, "../../etc/cron.d/x": b"x"}),
        ("which no backup does", lambda found: {**found, "/etc/passwd": b"x"}),
        ("no backup of Spotifire", lambda found: {**found, "tables/secrets.parquet": b"x"}),
        ("damaged", lambda found: {**found, "tables/plays.parquet": found["tables/plays.parquet"][:-9]}),
        ("not our columns", lambda found: {**found, "tables/plays.parquet": parquet(pa.table({"x": [1]}))}),
        ("is incomplete", lambda found: {k: v for k, v in found.items() if k != "tables/plays.parquet"}),
        ("no backup of Spotifire", lambda found: dict(reversed(found.items()))),
        ("no backup of Spotifire", lambda found: {**found, "manifest.json": b'{"spotifire_backup": 1}'}),
    ]  # fmt: skip
    for number, (said, change) in enumerate(cases):
        with fresh_database(migrated=False) as fresh:
            with pytest.raises(UserError, match=said) as refused:
                folder = tmp_path / f"read{number}"
                backups.restore(fresh, folder, backups.unpack(rewritten(good, change), folder))
            assert "\n" not in refused.value.one_line()
            fresh.create_database()
            assert all(not fresh.scalar(f"SELECT count() FROM `{t}`") for t in layouts(fresh) if t != "schema_versions")
    assert {path.name for path in tmp_path.iterdir()} <= {"made", "good.zip", "changed.zip"} | {
        f"read{number}" for number in range(len(cases))
    }


def parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def test_bombs_and_links_are_refused(tmp_path: Path) -> None:
    everything = re.compile(".+")
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("manifest.json", b"0" * (1 << 24))
    with pytest.raises(UserError, match="would unfold"):
        list(packs.members(bomb, everything))
    tar = tmp_path / "bomb.tar.zst"
    with pa.CompressedOutputStream(str(tar), "zstd") as out, tarfile.open(fileobj=out, mode="w|") as packed:
        about = tarfile.TarInfo("manifest.json")
        about.size = 1 << 26
        packed.addfile(about, io.BytesIO(bytes(1 << 26)))
    with pytest.raises(UserError, match="would unfold"):
        list(packs.members(tar, everything))
    with pa.CompressedOutputStream(str(tar), "zstd") as out, tarfile.open(fileobj=out, mode="w|") as packed:
        link = tarfile.TarInfo("manifest.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    with pytest.raises(UserError, match="is a link"):
        list(packs.members(tar, everything))
    (tmp_path / "text.zip").write_text("nothing")
    with pytest.raises(UserError, match="no backup"):
        list(packs.members(tmp_path / "text.zip", everything))
    torn = tmp_path / "torn.tar.zst"
    torn.write_bytes(tar.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"damaged|is a link"):
        list(packs.members(torn, everything))


@contextmanager
def other_engine(folder: Path) -> Iterator[str]:
    """ClickHouse's HTTP protocol over an engine in a process of its own; its address."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom deploy.clickhouse_http import ChdbHttpServer, Served\n"
        # by name: it holds the engine open, which each request would otherwise open anew
        f"server = ChdbHttpServer(Served(Path({str(folder)!r})))\n"
        "print(server.start(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


@pytest.mark.slow
def test_move_to_a_server(clickhouse: ClickHouse, tmp_path: Path) -> None:
    filled(clickhouse)
    folder = tmp_path / "made"
    made = backups.dump(clickhouse, folder)
    with other_engine(tmp_path / "engine") as url:
        target = ClickHouse(ClickHouseSettings(url=url, database="moved"))
        moved = moving.move(made, folder, target)
        assert proofs(target) == proofs(clickhouse)
        assert {one.table: one.proof for one in moved} == proofs(clickhouse)
        # all but the row that a view of the schema had made there of the sightings
        assert sum(one.sent for one in moved) == made.rows - 1
        # cut off in the midst: some rows are there, a table is not
        target.command("ALTER TABLE sightings DELETE WHERE sighting_id % 2 = 0 SETTINGS mutations_sync = 2")
        target.command("TRUNCATE TABLE plays")
        again = {one.table: one.sent for one in moving.move(made, folder, target)}
        assert 100 < again["sightings"] < 400
        assert again["plays"] == 33
        assert again["listeners"] == 0
        assert proofs(target) == proofs(clickhouse)
        # somebody else's rows
        target.command("INSERT INTO gaps VALUES (1, 'lastfm', now64(3), now64(3), 5, NULL, 0)")
        with pytest.raises(UserError, match="1 other rows in gaps"):
            moving.move(made, folder, target)
        target.close()


def test_a_server_backs_itself_up(tmp_path: Path) -> None:
    server = ClickHouse(ClickHouseSettings(url="http://127.0.0.1:1", database="music"))
    with pytest.raises(UserError, match="backs itself up") as refused:
        backups.dump(server, tmp_path / "made")
    assert "BACKUP DATABASE `music` TO Disk('backups', 'NAME.zip')" in refused.value.cure


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_commands(tmp_path: Path) -> None:
    data, other, file = tmp_path / "data", tmp_path / "other", tmp_path / "all.tar.zst"
    assert command(data, "listeners", "add", "Ada", "--timezone", "Asia/Tokyo").returncode == 0
    made = answer(data, "backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert made["tables"]["listeners"]["rows"] == 1
    assert "SPOTIFIRE_KEY_FILE" in answer(other, "restore", str(file))["key"]
    assert answer(other, "listeners", "list") == answer(data, "listeners", "list")
    for arguments, said in (
        (["restore", str(file)], "is not empty"),
        (["move", "--to", "http://127.0.0.1:1"], "Nothing answers at http://127.0.0.1:1"),
    ):
        done = command(other, *arguments)
        assert done.returncode in (1, 2), done.stderr
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    with other_engine(tmp_path / "engine") as url:
        sent = {row["table"]: row["sent"] for row in answer(other, "move", "--to", url)["tables"]}
        assert sent["listeners"] == 1
        again = answer(other, "move", "--to", url)
        assert not any(row["sent"] for row in again["tables"])
    assert not list((other / "uploads").iterdir())
