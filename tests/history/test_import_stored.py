"""An import through the real broker, worker, pipeline and store, counted in the tables."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from producers.history.feeding import Progress
from producers.history.importer import run_import
from producers.simulator.export import PLANTED_ADDRESS, PLANTED_USER, export_of, shuffled, write_zip
from producers.simulator.produce import produce_history
from producers.simulator.simulator import Simulator
from sinks.clickhouse import ClickHouse
from sinks.imports import Imports
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.app import WorkerSettings
from streams.contracts.ids import from_hex, hash64, to_hex
from streams.contracts.ports import ListenerSettings, Reconciliation, ZonePeriod
from streams.metrics import Metrics
from streams.pipeline import Pipeline
from streams.publisher import Publisher, PublisherSettings
from streams.worker import Worker
from tests.history.recording import row, write
from tests.support.data import shared_data

LISTENER = hash64("tests", "import")
UNTIL = 1_780_000_000_000


class Instance:
    """A running worker, and an importer beside it."""

    def __init__(self, publisher: Publisher, clickhouse: ClickHouse) -> None:
        self.publisher = publisher
        self.clickhouse = clickhouse

    async def bring(self, path: Path) -> Reconciliation:
        def ignore(_: Progress) -> None:
            return

        return await run_import([path], LISTENER, self.publisher, Imports(self.clickhouse), ignore)

    def count(self, table: str) -> int:
        return int(self.clickhouse.scalar(f"SELECT count() FROM {table} FINAL WHERE listener = {LISTENER}"))


@pytest.fixture
async def instance(
    clickhouse: ClickHouse, store: Writer, reference: ClickHouseReference, tmp_path: Path
) -> AsyncIterator[Instance]:
    settings = ListenerSettings(listener=LISTENER, name="Nora", zones=(ZonePeriod(0, "Europe/Berlin"),))
    Listeners(clickhouse).put(settings)
    with InProcessBroker() as broker:
        await create_topics(broker.bootstrap)
        worker = Worker(
            WorkerSettings(bootstrap=broker.bootstrap, data_dir=tmp_path / "data", broker_in_memory=True),
            Pipeline(store, reference),
            Metrics(),
        )
        await worker.start()
        async with Publisher(PublisherSettings(bootstrap=broker.bootstrap)) as publisher:
            yield Instance(publisher, clickhouse)
        await worker.stop()


async def test_the_real_export_twice(instance: Instance) -> None:
    path = shared_data("Streaming_History_Audio_2025.json")
    first = await instance.bring(path)
    assert (first.read, first.stored, first.known, first.refused) == (39, 39, 0, {})
    assert first.plays_new == instance.count("plays") > 0
    before = instance.count("sightings"), instance.count("plays")
    second = await instance.bring(path)
    assert (second.read, second.stored, second.known, second.refused) == (39, 0, 39, {})
    assert (second.plays_new, (instance.count("sightings"), instance.count("plays"))) == (0, before)


async def test_a_zip_with_what_real_and_hostile_exports_hold(instance: Instance, tmp_path: Path) -> None:
    made = [*export_of(6_000, UNTIL), row(), row(ip_addr="198.51.100.1")]
    made += [row(ms_played=-1), row(ts="2099-01-01T00:00:00Z"), row(ts=None), row(conn_country=7)]
    nameless = row(spotify_track_uri=None, master_metadata_track_name=None, episode_name=None)
    episode = {**nameless, "episode_name": "On Jazz", "spotify_episode_uri": "spotify:episode:1"}
    made += [nameless, episode]
    path = tmp_path / "my_spotify_data.zip"
    write_zip(path, export_of(10, UNTIL))
    write(tmp_path / "export.json", [7, *shuffled(made), 7])
    report = await instance.bring(tmp_path / "export.json")
    assert report.read == len(made) + 2
    assert report.refused == {
        "impossible-time": 1, "malformed-json": 2, "missing-field": 2, "out-of-range": 1,
    }  # fmt: skip
    assert report.stored == 6_002
    assert report.known == 2
    assert instance.count("sightings") == 6_002
    assert instance.count("plays") == 6_001  # an episode is a sighting, and no play
    kinds = instance.clickhouse.query("SELECT kind, count() FROM sightings FINAL GROUP BY kind ORDER BY kind")
    assert [tuple(each) for each in kinds] == [("episode", 1), ("track", 6_001)]
    origins = instance.clickhouse.query("SELECT origin, payload FROM dead_letters FINAL")
    assert all(origin.startswith("export.json#") for origin, _ in origins)
    again = await instance.bring(path)
    assert (again.stored, again.known) == (0, 10)
    everything = json.dumps([[str(cell) for cell in line] for line in origins])
    assert PLANTED_ADDRESS not in everything
    assert PLANTED_USER not in everything


async def test_a_file_in_another_encoding_is_refused_and_stored_once_it_is_utf8(
    instance: Instance, tmp_path: Path
) -> None:
    made = [row(ts=f"2024-05-0{day}T10:00:00Z", master_metadata_track_name=name) for day, name in ((1, "É"), (2, "E"))]
    text, path = json.dumps(made, ensure_ascii=False), tmp_path / "history.json"
    report = await instance.bring(write(path, text.encode("latin-1")))
    assert (report.read, report.stored, report.refused) == (2, 1, {"not-utf8": 1})
    letters = instance.clickhouse.query("SELECT origin, message FROM dead_letters FINAL")
    assert letters == [("history.json#1", "the text is not in UTF-8: save the file as UTF-8, then import it again")]
    again = await instance.bring(write(path, text.encode()))
    assert (again.stored, again.known, again.refused) == (1, 1, {})
    titles = instance.clickhouse.query("SELECT title FROM sightings FINAL ORDER BY ended_at")
    assert titles == [("É",), ("E",)]


async def test_a_simulated_history_is_stored_once(instance: Instance) -> None:
    simulator = Simulator(4)
    casual = simulator.listeners[4]
    Listeners(instance.clickhouse).put(casual.settings)
    assert from_hex(to_hex(casual.listener)) == casual.listener
    published = await produce_history(instance.publisher, simulator, 60, until_ms=UNTIL, listeners=[casual])
    query = f"SELECT count() FROM sightings FINAL WHERE listener = {casual.listener} AND source = 'simulator'"
    assert instance.clickhouse.scalar(query) == published > 100
    await produce_history(instance.publisher, simulator, 30, until_ms=UNTIL, listeners=[casual])
    assert instance.clickhouse.scalar(query) == published
