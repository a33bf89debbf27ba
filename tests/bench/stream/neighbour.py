"""How long a neighbour's plays wait while somebody imports a long history on the same partition.

A whole `spotifire up --kafka apache`, an upload through its API, and a neighbour whose plays another
process publishes, ten a second. What counts is how long each takes until it can be queried. The
import is stopped with the stack when the time is over.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka.partitioner import murmur2

from producers.simulator.export import write_zip
from streams.contracts.topics import PLAY_RECORDED
from tests.bench.stream.backlogs import now_ms, play_now
from tests.bench.stream.contest import Tell
from tests.bench.stream.latency import LEFT_S, Counting, percentiles, publish
from tests.bench.stream.world import Track, tracks
from tests.support.kafka import lend_jars
from tests.support.stack import begin_upload, running

RATE = 10
SPACING_S = 340  # between two plays of the history
BEGIN_S = 60.0


def measure(place: Path, libs: Path, records: int, seconds: int, tell: Tell) -> dict[str, Any]:
    """The neighbour's percentiles, first alone and then beside the import."""
    export = place / "export.zip"
    write_zip(export, _rows(records))
    tell(f"wrote an export of {records:,} rows")
    data = place / "up"
    lend_jars(libs.resolve(), data)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running(data, "--kafka", "apache", "--no-demo", "--serve-clickhouse", str(port)) as up, up.api() as api:
        importer = api.post("/listeners", {"name": "Importer", "timezone": "Europe/Lisbon"})["listener"]
        who = _neighbour(api, importer)
        bootstrap = json.loads((data / "running.json").read_text())["kafka"]
        count = f"SELECT count() FROM sightings WHERE listener = {int(who, 16)}"
        with Counting(f"http://127.0.0.1:{port}", count) as rows:
            alone = _wait(rows, bootstrap, who, 0, seconds // 4)
            tell(f"the neighbour alone: {alone}")
            import_id = begin_upload(api, "Importer", [export])
            began, before = time.monotonic(), _progress(api, import_id)
            while _progress(api, import_id) == before:
                if time.monotonic() - began > BEGIN_S:
                    raise TimeoutError(f"the import did not begin: {up.output()}")
                time.sleep(0.1)
            began, first = time.monotonic(), _progress(api, import_id)
            beside = _wait(rows, bootstrap, who, round(RATE * (seconds // 4)), seconds)
            status = api.get(f"/listeners/Importer/imports/{import_id}")
            speed = (_progress(api, import_id) - first) / (time.monotonic() - began)
    tell(f"the neighbour beside the import: {beside}, which ran at {speed:,.0f} rows/s")
    return {
        "rows of the export": records,
        "plays/s of the neighbour": RATE,
        "s": seconds,
        "alone": alone,
        "beside the import": beside,
        "import, rows/s": round(speed),
        "import was": status["state"],
    }


def _wait(rows: Counting, bootstrap: str, who: str, before: int, seconds: int) -> dict[str, int]:
    sent = asyncio.run(publish(bootstrap, RATE, seconds, lambda number: play_now(who, before + number)))
    rows.reaches(before + len(sent), LEFT_S)
    return percentiles(rows.seen(before, len(sent)) - sent)


def _neighbour(api: Any, importer: str) -> str:
    """A listener whose partition is the importer's."""
    for number in range(50):
        who: str = api.post("/listeners", {"name": f"Neighbour {number}", "timezone": "Asia/Tokyo"})["listener"]
        if _partition(who) == _partition(importer):
            return who
    raise RuntimeError("fifty listeners, and none on that partition")


def _partition(listener: str) -> int:
    return int(murmur2(listener.encode()) & 0x7FFF_FFFF) % PLAY_RECORDED.partitions


def _progress(api: Any, import_id: str) -> int:
    status = api.get(f"/listeners/Importer/imports/{import_id}")
    return int(status["progress"].get("published", 0))


def _rows(count: int) -> Iterator[dict[str, Any]]:
    """A history as an export has it."""
    catalogue, end = tracks(), now_ms() // 1000 - 86_400
    for number in range(count):
        yield _row(catalogue[number * 7 % len(catalogue)], end - (count - number) * SPACING_S)


def _row(track: Track, ended: int) -> dict[str, Any]:
    return {
        "ts": datetime.fromtimestamp(ended, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "platform": "android",
        "ms_played": track.duration_ms,
        "conn_country": "PT",
        "ip_addr": "203.0.113.77",
        "master_metadata_track_name": track.title,
        "master_metadata_album_artist_name": track.named[0].name,
        "master_metadata_album_album_name": track.album,
        "spotify_track_uri": track.uri,
        "reason_start": "trackdone",
        "reason_end": "trackdone",
        "shuffle": False,
        "skipped": False,
        "offline": False,
        "offline_timestamp": None,
        "incognito_mode": False,
    }
