"""From an export to the answer, in real processes, compared by sets of ids."""

from __future__ import annotations

import json
import signal
import time
import zipfile
from pathlib import Path

import pytest

from producers.simulator.export import export_of, write_zip
from streams.contracts import ids
from streams.contracts.sources import EXTENDED_EXPORT
from tests.support.data import shared_data
from tests.support.kafka import lend_jars
from tests.support.stack import answer, begin_upload, column, running, upload

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

UNTIL = 1_761_955_200_000  # 2025-11-01
SIGHTINGS = "SELECT lower(leftPad(hex(sighting_id), 16, '0')) FROM v_sightings ORDER BY 1"
LIBRARY = "SELECT count() FROM v_library"
PLAYS = "SELECT lower(leftPad(hex(play_id), 16, '0')) FROM v_plays ORDER BY 1"


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.apache_kafka)])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The two brokers that `up` can start; Kafka's jars are shared between the tests."""
    if request.param == "apache":
        libs: Path = request.getfixturevalue("kafka_jars")
        lend_jars(libs, tmp_path / "data")
    return str(request.param)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A zip of 3,000 rows in Spotify's shape."""
    path = tmp_path / "my_spotify_data.zip"
    write_zip(path, export_of(3_000, UNTIL))
    return path


def expected_ids(path: Path, listener: int) -> set[str]:
    """The sighting ids of an export, computed by reading it in the plainest way."""
    found = set()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if "Streaming_History" not in name:
                continue
            for row in json.loads(archive.read(name)):
                end = int(time.mktime(time.strptime(row["ts"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone) * 1000
                uri = row["spotify_track_uri"] or row["spotify_episode_uri"] or ""
                artist = row["master_metadata_album_artist_name"] or row["episode_show_name"] or ""
                title = row["master_metadata_track_name"] or row["episode_name"] or ""
                played = row["ms_played"]
                found.add(ids.to_hex(ids.sighting_id(listener, EXTENDED_EXPORT, end, uri, artist, title, played)))
    return found


def test_every_row_arrives_once_and_stays(broker: str, tmp_path: Path, export: Path) -> None:
    data = tmp_path / "data"
    with running(data, "--kafka", broker, "--no-demo") as up:
        with up.api() as api:
            ada = api.post("/listeners", {"name": "Ada", "timezone": "Europe/Lisbon"})["listener"]
            expected = expected_ids(export, ids.from_hex(ada))
            report = upload(api, "Ada", [export])
            assert report["read"] == 3_000
            assert report["read"] == report["stored"] + report["known"] + sum(report["refused"].values())
            assert set(column(api, SIGHTINGS)) == expected
            plays = column(api, PLAYS)
            assert len(plays) == len(set(plays)) == report["plays_new"]

            again = upload(api, "Ada", [export])
            assert (again["stored"], again["known"], again["plays_new"]) == (0, 3_000, 0)
            assert set(column(api, SIGHTINGS)) == expected
            assert column(api, PLAYS) == plays
        code, seconds = up.stop()
        assert code == 0, up.output()
        assert seconds < 15, up.output()  # 8 s were seen at a load of 12

    # the rows are there without a running stack too, through the command
    counted = answer(data, "sql", "SELECT count() FROM v_sightings")
    assert int(counted["rows"][0][0]) == len(expected)
    assert answer(data, "top", "artists", "Ada", "--window", "all")["rows"]


def test_killed_while_importing_then_imported_again(broker: str, tmp_path: Path, export: Path) -> None:
    data = tmp_path / "data"
    with running(data, "--kafka", broker, "--no-demo") as up, up.api() as api:
        ada = api.post("/listeners", {"name": "Ada", "timezone": "Europe/Lisbon"})["listener"]
        expected = expected_ids(export, ids.from_hex(ada))
        begin_upload(api, "Ada", [export])
        until = time.monotonic() + 30
        while not column(api, "SELECT count() FROM v_sightings")[0] and time.monotonic() < until:
            time.sleep(0.01)
        up.stop(signal.SIGKILL)
    with running(data, "--kafka", broker, "--no-demo") as up, up.api() as api:
        assert set(column(api, SIGHTINGS)) <= expected
        report = upload(api, "Ada", [export])
        assert report["stored"] + report["known"] == 3_000
        assert set(column(api, SIGHTINGS)) == expected
        plays = column(api, PLAYS)
        assert len(plays) == len(set(plays))
        assert up.stop()[0] == 0, up.output()


def test_the_real_export(tmp_path: Path) -> None:
    path = shared_data("Streaming_History_Audio_2025.json")
    rows = json.loads(path.read_text("utf-8-sig"))
    arguments = ("import", str(path), "--listener", "Ada", "--timezone", "Europe/Lisbon")
    first = answer(tmp_path / "data", *arguments)
    assert first["read"] == len(rows) == first["stored"] + first["known"] + sum(first["refused"].values())
    assert first["stored"] == len({(row["ts"], row["spotify_track_uri"], row["ms_played"]) for row in rows})
    second = answer(tmp_path / "data", *arguments)
    assert (second["stored"], second["known"]) == (0, len(rows))


def test_demo_shows_and_goes(tmp_path: Path) -> None:
    with running(tmp_path / "data") as up, up.api() as api:
        until = time.monotonic() + 90
        while not column(api, "SELECT count() FROM v_plays")[0] or not int(column(api, LIBRARY)[0]):
            assert time.monotonic() < until, up.output()
            time.sleep(0.2)
        listeners = api.get("/listeners")["listeners"]
        assert listeners
        assert all(row["is_demo"] for row in listeners)
        api.call("DELETE", "/demo")
        while api.get("/listeners")["listeners"] or column(api, "SELECT count() FROM v_plays")[0]:
            assert time.monotonic() < until, up.output()
            time.sleep(0.2)
        time.sleep(3)  # nobody comes back
        assert not api.get("/listeners")["listeners"]
        assert column(api, "SELECT count() FROM v_sightings") == [0] or column(
            api, "SELECT count() FROM v_sightings"
        ) == ["0"]
        assert int(column(api, LIBRARY)[0]) == 0


def test_the_demo_stays_off_once_somebody_real_is_there(tmp_path: Path) -> None:
    with running(tmp_path / "data") as up, up.api() as api:
        until = time.monotonic() + 90
        while not int(column(api, "SELECT count() FROM v_plays")[0]):
            assert time.monotonic() < until, up.output()
            time.sleep(0.2)
        api.post("/listeners", {"name": "Ada", "timezone": "Europe/Lisbon"})
        before, now = -1, 0
        while before != now:
            assert time.monotonic() < until, up.output()
            before = now
            time.sleep(5)  # the demo plays some three times in that time
            now = int(column(api, "SELECT count() FROM v_sightings")[0])
        up.stop()
    with running(tmp_path / "data") as up, up.api() as api:
        time.sleep(5)
        assert int(column(api, "SELECT count() FROM v_sightings")[0]) == now
