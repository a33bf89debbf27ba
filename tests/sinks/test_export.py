"""A listener's export, the archive and the proof of an erasure, on the real engine."""

from __future__ import annotations

import csv
import io
import json
import threading
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow.parquet as pq
import pytest

from sinks import archive, erase
from sinks.clickhouse import ClickHouse
from sinks.connections import ClickHouseConnections
from sinks.corrections import ClickHouseCorrections
from sinks.erase import erase_listener
from sinks.exports.listener import FORMATS, LEFT_OUT, WHERE, export_listener
from sinks.exports.pages import Format, layouts, pages
from sinks.exports.restore import restore_listener
from sinks.listeners import Listeners
from sinks.travel import Travel
from sinks.writer import Writer
from streams.contracts.errors import UserError
from streams.contracts.ids import to_hex
from streams.contracts.ports import Connection, Correction
from streams.contracts.tables import IMPORT_ROWS
from tests.support.clickhouse import fresh_database
from tests.support.rows import NOON_MS, sighting, sightings_table
from tests.support.web import Seeded, seed

DAY = 86_400_000
SECRET = "gAAAA-the-refresh-token"
# a table that is new must be put on one side or the other, by somebody who looked at what it holds
EXPORTED = {
    "listeners", "plays", "sightings", "import_rows", "playback", "gaps", "profiles", "corrections", "travel",
    "replays", "dead_letters", "imports", "commands", "artists", "library_items", "library_looks",
}  # fmt: skip
OF_NOBODY = {"schema_versions", "models", "track_artists"}
DERIVED = {"listener_days", "rollup_marks", "day_marks"}


@pytest.fixture
def seeded(clickhouse: ClickHouse) -> Seeded:
    """Ada with plays and 400 sightings, Bob with some."""
    made = seed(clickhouse, Writer(clickhouse, threading.Event()))
    for owner, count in ((made.ada, 400), (made.bob, 5)):
        put(clickhouse, *(sighting(owner.id, NOON_MS - number * DAY, title=f"t,{number}\n") for number in range(count)))
    ClickHouseConnections(clickhouse).put(
        Connection(listener=made.ada.id, client_id="id", client_secret=SECRET, refresh_token=SECRET)
    )
    return made


def put(ch: ClickHouse, *rows: dict[str, Any]) -> None:
    Writer(ch, threading.Event()).write_sightings(sightings_table(*rows), IMPORT_ROWS.empty_table())


def rows_of(zipped: ZipFile, name: str) -> list[dict[str, Any]]:
    data = zipped.read(name)
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in data.splitlines()]
    if name.endswith(".csv"):
        return list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    found: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return found


@pytest.mark.parametrize("format_", FORMATS)
def test_everything_of_one_listener_and_nothing_of_another(
    clickhouse: ClickHouse, seeded: Seeded, format_: Format
) -> None:
    data = b"".join(export_listener(clickhouse, seeded.ada, format_))
    with ZipFile(io.BytesIO(data)) as zipped:
        assert zipped.testzip() is None
        manifest = json.loads(zipped.read("manifest.json"))
        assert manifest["listener"] == seeded.ada.listener
        assert set(manifest["left_out"]) == {"connections", "api_tokens", "measurements"}
        for file in manifest["files"]:
            rows = rows_of(zipped, file["file"])
            assert len(rows) == file["rows"], file
            assert {row["listener"] for row in rows if "listener" in row} <= {seeded.ada.listener}
        counts = {file["table"]: file["rows"] for file in manifest["files"]}
        sightings = rows_of(zipped, f"sightings.{format_}")
        everything = b"".join(zipped.read(name) for name in zipped.namelist())
    assert (counts["sightings"], counts["plays"], counts["listeners"]) == (400, 30, 1)
    assert {row["title"] for row in sightings} == {f"t,{number}\n" for number in range(400)}
    assert SECRET.encode() not in everything
    assert seeded.bob.listener.encode() not in everything


def test_pages_give_every_row_once(clickhouse: ClickHouse, seeded: Seeded) -> None:
    table = layouts(clickhouse, ["sightings"])["sightings"]
    put(clickhouse, *(sighting(seeded.ada.id, NOON_MS + number // 5, ms_played=number) for number in range(20)))
    found = pages(clickhouse, table, "parquet", erase.OF_LISTENER, {"listener": seeded.ada.id}, size=7)
    sizes, ids = [], []
    for page in found:
        sizes.append(page.num_rows)
        ids += page["sighting_id"].to_pylist()
    assert set(sizes[:-1]) == {7}
    assert len(ids) == len(set(ids)) == 420


def test_every_table_of_a_listener_is_exported_or_said_not_to_be(clickhouse: ClickHouse) -> None:
    assert set(WHERE) - DERIVED == EXPORTED
    known = EXPORTED | set(LEFT_OUT) | OF_NOBODY | DERIVED
    holding = {
        name
        for name, table in layouts(clickhouse).items()
        if any(column.name == "listener" for column in table.columns)
    }
    assert holding <= known, holding - known


def test_an_erasure_is_proven(clickhouse: ClickHouse, seeded: Seeded) -> None:
    before = erase.held(clickhouse, seeded.ada.id)
    assert (before.rows["sightings"], before.rows["plays"], before.rows["connections"]) == (400, 30, 1)
    assert before.erased_at is None
    command = Listeners(clickhouse).remove("Ada")
    erase_listener(clickhouse, command.listener)
    after = erase.held(clickhouse, seeded.ada.id)
    assert set(after.rows) == set(before.rows)
    assert not any(after.rows.values())
    assert after.erased_at is not None
    assert erase.held(clickhouse, seeded.bob.id).rows["sightings"] == 5


def months(place: Path, listener: str) -> dict[str, int]:
    return {path.stem: pq.read_metadata(path).num_rows for path in (place / listener).glob("*.parquet")}


def test_the_archive_follows_the_record(clickhouse: ClickHouse, seeded: Seeded, tmp_path: Path) -> None:
    place = archive.Place(str(tmp_path / "a"))
    first = archive.run(clickhouse, place)
    assert (first.listeners, first.rows, first.removed) == (2, 405, 0)
    assert first.months == first.written == len(months(tmp_path / "a", seeded.ada.listener)) + 2
    assert sum(months(tmp_path / "a", seeded.ada.listener).values()) == 400
    again = archive.run(clickhouse, place)
    assert (again.months, again.written, again.rows) == (first.months, 0, 0)
    put(clickhouse, sighting(seeded.ada.id, NOON_MS, ms_played=1))
    third = archive.run(clickhouse, place)
    assert (third.written, third.removed) == (1, 0)
    gone = sighting(seeded.ada.id, NOON_MS - 399 * DAY, title="t,399\n")
    put(clickhouse, {**gone, "version": 2, "is_deleted": 1})
    Listeners(clickhouse).remove("Bob")
    last = archive.run(clickhouse, place)
    assert (last.listeners, last.written, last.removed) == (1, 1, 2)
    assert not list((tmp_path / "a" / seeded.bob.listener).glob("*"))
    assert sum(months(tmp_path / "a", seeded.ada.listener).values()) == 400


def test_countries_that_were_dropped_leave_the_archive(clickhouse: ClickHouse, seeded: Seeded, tmp_path: Path) -> None:
    old, ada = NOON_MS - 700 * DAY, seeded.ada
    put(clickhouse, *(sighting(ada.id, old + number, ms_played=number, country="PT") for number in range(20)))
    put(clickhouse, sighting(seeded.bob.id, old, country="ES"))
    place = archive.Place(str(tmp_path / "a"))
    archive.run(clickhouse, place)

    def countries(listener: str) -> set[str]:
        paths = (tmp_path / "a" / listener).glob("*.parquet")
        return {country for path in paths for country in pq.read_table(path)["country"].to_pylist()}

    assert "PT" in countries(ada.listener)
    corrections = ClickHouseCorrections(clickhouse)
    corrections.put([Correction(listener=ada.id, kind="country", subject="")])
    assert corrections.drop_countries(ada.id) >= 20
    assert archive.run(clickhouse, place).written >= 1
    assert countries(ada.listener) == {""}
    assert "ES" in countries(seeded.bob.listener)
    assert archive.run(clickhouse, place).written == 0
    assert archive.settings_of(place, ada.listener)["keeps_countries"] is False
    with fresh_database() as anew:
        for listener, kept in ((ada.listener, False), (seeded.bob.listener, True)):
            row = restore_listener(anew, Listeners(anew), archive.settings_of(place, listener), None)
            assert Travel(anew).countries_kept(row.id) is kept


def test_an_archive_of_before_countries_were_counted_is_written_again(
    clickhouse: ClickHouse, seeded: Seeded, tmp_path: Path
) -> None:
    place = archive.Place(str(tmp_path / "a"))
    first = archive.run(clickhouse, place)
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    for month in (month for months in manifest["listeners"].values() for month in months.values()):
        del month["countries"]
    (tmp_path / "a" / "manifest.json").write_text(json.dumps(manifest))
    assert archive.run(clickhouse, place).written == first.written


def test_a_foreign_archive_is_refused(tmp_path: Path) -> None:
    place = archive.Place(str(tmp_path))
    for text in ("{", "[]", '{"listeners": {"../../etc": {}}}', '{"listeners": {"0000000000000001": {"../x": '
                 '{"rows": 1, "version": 1, "ids": ""}}}}'):  # fmt: skip
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(UserError):
            archive.contents(place)
    for text in ("ftp://x/y", "s3://", "s3://Bucket?x", "s3://b/../../c?d"):
        with pytest.raises(UserError, match="no place"):
            archive.Place(text)


def test_an_archive_that_cannot_be_reached_says_so_and_tells_no_key(clickhouse: ClickHouse) -> None:
    s3 = archive.S3Settings(endpoint="http://127.0.0.1:1", access_key="AKIA", secret_key="hush-hush")
    with pytest.raises(UserError, match="cannot be reached") as refused:
        archive.run(clickhouse, archive.Place("s3://bucket/x", s3))
    assert "hush" not in refused.value.one_line() + repr(s3) + str(refused.value.__cause__)
    assert to_hex(1) not in refused.value.one_line()
