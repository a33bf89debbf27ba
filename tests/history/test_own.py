"""Our own export through the real broker, worker, pipeline and store, and back into a fresh instance."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from producers.history import own
from producers.history.archive import Exports
from producers.history.importer import run_import
from producers.history.shapes import recognise
from producers.simulator.export import export_of
from sinks.clickhouse import ClickHouse
from sinks.exports.listener import FORMATS, export_listener
from sinks.exports.pages import Format
from sinks.imports import Imports
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.app import WorkerSettings
from streams.contracts.errors import UserError
from streams.contracts.ids import hash64
from streams.contracts.ports import ListenerSettings, Reconciliation, ZonePeriod
from streams.contracts.tables import IMPORT_ROWS
from streams.metrics import Metrics
from streams.pipeline import Pipeline
from streams.publisher import Publisher, PublisherSettings
from streams.worker import Worker
from tests.history.recording import row, write
from tests.support.clickhouse import fresh_database
from tests.support.rows import sighting, sightings_table

LISTENER = hash64("tests", "own export")
UNTIL = 1_780_000_000_000
HOUR = 3_600_000
SAID = (
    "sighting_id, source, kind, ended_at, reported_end, started_at, ms_played, duration_ms, uri, title, artist_names, "
    "artist_ids, album, album_uri, image_url, isrc, release_date, country, platform, reason_start, reason_end, "
    "shuffle, skipped, offline, incognito, explicit, published_at"
)


@asynccontextmanager
async def working(ch: ClickHouse, folder: Path) -> AsyncIterator[Publisher]:
    """A worker on a database, and a publisher beside it."""
    never = threading.Event()
    with InProcessBroker() as broker:
        await create_topics(broker.bootstrap)
        worker = Worker(
            WorkerSettings(bootstrap=broker.bootstrap, data_dir=folder, broker_in_memory=True),
            Pipeline(Writer(ch, never), ClickHouseReference(ch, never, fresh_s=0)),
            Metrics(),
        )
        await worker.start()
        async with Publisher(PublisherSettings(bootstrap=broker.bootstrap)) as publisher:
            yield publisher
        await worker.stop()


async def bring(ch: ClickHouse, publisher: Publisher, listener: int, *paths: Path) -> Reconciliation:
    return await run_import(list(paths), listener, publisher, Imports(ch), lambda _: None)


def add(ch: ClickHouse, listener: int) -> None:
    settings = ListenerSettings(listener=listener, name="Nora", zones=(ZonePeriod(0, "Europe/Berlin"),))
    Listeners(ch).put(settings)


def all_said(ch: ClickHouse, listener: int) -> list[Any]:
    return ch.query(f"SELECT {SAID} FROM sightings FINAL WHERE listener = {listener} ORDER BY sighting_id")


def plays(ch: ClickHouse, listener: int) -> list[Any]:
    names = [name for (name,) in ch.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'plays' AND name NOT IN "
        "('version', 'stored_at', 'listener') ORDER BY name"
    )]  # fmt: skip
    return ch.query(f"SELECT {', '.join(names)} FROM plays FINAL WHERE listener = {listener} ORDER BY play_id")


def odd() -> list[dict[str, Any]]:
    """Rows with what separates, quotes and ends in every format."""
    strange = 'A "quoted", line\nend; \\ and ü – 🎵'
    return [
        row(ts="2024-05-01T10:00:00Z", master_metadata_track_name=strange, offline_timestamp=None),
        row(ts="2024-05-01T11:00:00Z", master_metadata_album_artist_name=strange, skipped=None, shuffle=True),
        row(ts="2024-05-01T12:00:00Z", ms_played=0, spotify_track_uri=None, offline_timestamp=None),
        row(ts="2024-05-01T13:00:00Z", offline=True, offline_timestamp=1_714_500_000),
    ]


@pytest.mark.parametrize("format_", FORMATS)
async def test_out_and_back(clickhouse: ClickHouse, tmp_path: Path, format_: Format) -> None:
    add(clickhouse, LISTENER)
    polled = sighting(
        LISTENER, UNTIL + HOUR, source="spotify.recently-played", artist_names=["a", "b"], artist_ids=["", "x" * 22],
        duration_ms=200_123, explicit=True, isrc="DEUM71501234",
    )  # fmt: skip
    async with working(clickhouse, tmp_path / "first") as publisher:
        made = write(tmp_path / "export.json", [*export_of(300, UNTIL), *odd()])
        assert (await bring(clickhouse, publisher, LISTENER, made)).refused == {}
    Writer(clickhouse, threading.Event()).write_sightings(sightings_table(polled), IMPORT_ROWS.empty_table())
    zipped = tmp_path / "nora.zip"
    zipped.write_bytes(b"".join(export_listener(clickhouse, Listeners(clickhouse).get("Nora"), format_)))

    with fresh_database() as fresh:
        add(fresh, LISTENER)
        async with working(fresh, tmp_path / "second") as publisher:
            report = await bring(fresh, publisher, LISTENER, zipped)
            assert (report.read, report.stored, report.refused) == (305, 305, {})
            assert all_said(fresh, LISTENER) == all_said(clickhouse, LISTENER)
            again = await bring(fresh, publisher, LISTENER, zipped)
            assert (again.stored, again.known) == (0, 305)
        kept = {tuple(map(str, one)) for one in plays(fresh, LISTENER)}
        given = {tuple(map(str, one)) for one in plays(clickhouse, LISTENER)}
        assert given < kept
        assert len(kept) == len(given) + 1  # and the polled one, which no worker had derived


async def test_for_another_listener_the_ids_are_others_and_the_rest_is_equal(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    add(clickhouse, LISTENER)
    other = LISTENER ^ 1
    Listeners(clickhouse).put(ListenerSettings(listener=other, name="Other", zones=(ZonePeriod(0, "UTC"),)))
    async with working(clickhouse, tmp_path / "worker") as publisher:
        await bring(clickhouse, publisher, LISTENER, write(tmp_path / "e.json", [*export_of(50, UNTIL), *odd()]))
        zipped = tmp_path / "nora.zip"
        zipped.write_bytes(b"".join(export_listener(clickhouse, Listeners(clickhouse).get("Nora"), "jsonl")))
        report = await bring(clickhouse, publisher, other, zipped)
    assert report.stored == 54
    said = "source, reported_end, uri, title, ms_played"
    sets = [
        set(clickhouse.query(f"SELECT {said} FROM sightings FINAL WHERE listener = {listener}"))
        for listener in (LISTENER, other)
    ]
    assert sets[0] == sets[1]
    ids = clickhouse.query("SELECT uniqExact(sighting_id), count() FROM sightings FINAL")
    assert ids == [(108, 108)]


def parquet_of(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **{"compression": "none", "use_dictionary": False, **options})
    return file.getvalue()


def sightings(count: int, **changes: list[Any]) -> pa.Table:
    columns = {
        "source": ["spotify.export.extended"] * count,
        "sighting_id": ["0" * 16] * count,
        "reported_end": ["2024-01-01T00:00:00.000Z"] * count,
        "title": ["So What"] * count,
        "uri": ["spotify:track:1"] * count,
    }
    return pa.table({**columns, **changes})


def read(data: bytes, tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "sightings.parquet"
    path.write_bytes(data)
    with Exports([path]) as exports:
        for file in exports.files:
            with file.reading() as reading:
                for rows in file.shape.batches(reading, file.label):
                    yield from rows


def test_hostile_parquet_is_refused(tmp_path: Path) -> None:
    assert len(list(read(parquet_of(sightings(3)), tmp_path))) == 3
    with pytest.raises(UserError, match="packed inside"):
        list(read(parquet_of(sightings(3), compression="zstd"), tmp_path))
    long = sightings(2000, title=["x" * 100_000] * 2000)
    with pytest.raises(UserError, match="longer than any"):
        list(read(parquet_of(long, use_dictionary=True), tmp_path))
    with pytest.raises(UserError, match="too large pieces"):
        list(read(parquet_of(sightings(500_000), use_dictionary=True), tmp_path))
    with pytest.raises(UserError, match="damaged"):
        list(read(parquet_of(sightings(3))[:-20], tmp_path))


def test_only_sightings_are_recognised(tmp_path: Path) -> None:
    assert recognise(parquet_of(sightings(1))) is not None
    assert recognise(parquet_of(pa.table({"listener": ["0" * 16]}))) == "no list of plays"
    assert recognise(b'{"listener":"1","sighting_id":"2","import_id":"3"}\n') == "no list of plays"
    assert recognise(b"listener,import_id,sighting_id\n") == "no list of plays"


def test_a_row_that_was_edited_is_refused_by_name_and_tells_nothing() -> None:
    made = own.OwnFormat(1, 2, UNTIL)
    good = {"source": "lastfm", "reported_end": "2024-01-01T00:00:00.000Z", "title": "a", "artist_names": ["b"]}
    assert made.publish(own.OwnRow(**good), "x#1").sighting_id
    for change in ({"source": "mine"}, {"title": {"ip": "198.51.100.1"}}, {"artist_names": "198.51.100.1"}):
        published = made.publish(own.OwnRow(**{**good, **change}), "x#1")
        assert published.sighting_id == 0
        assert b"198.51.100.1" not in published.value
    assert json.loads(made.publish(own.OwnRow(**good), "x#1").value)["import_id"] == f"{2:016x}"


def test_the_zip_holds_no_secret(clickhouse: ClickHouse) -> None:
    add(clickhouse, LISTENER)
    with ZipFile(io.BytesIO(b"".join(export_listener(clickhouse, Listeners(clickhouse).get("Nora"), "csv")))) as zipped:
        assert not {name for name in zipped.namelist() if name.startswith(("connections", "api_tokens"))}
