"""Database folders: one that is ready (schema, listeners, artists), and a copy for each contestant.

The embedded engine serves one folder a process, so whatever opens one here is a process of its own:

    python -m tests.bench.stream.databases make FOLDER
    python -m tests.bench.stream.databases count FOLDER      # JSON on standard output
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.settings import Settings, load
from deploy.storage import open_storage
from sinks.clickhouse import ClickHouse
from sinks.listeners import COLUMNS
from sinks.times import next_version, to_time
from streams.contracts.ids import to_hex
from streams.enrich import genre
from tests.bench.stream.backlogs import now_ms
from tests.bench.stream.world import ZONES, artists, listeners

CLICKHOUSE = "clickhouse"  # below the data folder, as `up` has it


class Databases:
    """Makes and throws away data folders below `place`."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._made = 0
        self._ready = place / "ready"

    def make(self) -> None:
        """The folder that all others are copies of."""
        _run("make", self._ready)

    def fresh(self, base: Path | None = None) -> Path:
        """A folder of one's own: a copy of the ready one, or of `base`."""
        self._made += 1
        folder = self._place / f"data-{self._made}"
        shutil.copytree(base or self._ready, folder, symlinks=True)  # a database is a link to its tables
        return folder

    def count(self, folder: Path) -> dict[str, int]:
        """What is stored there: distinct sightings, live plays, dead letters, plays with a genre."""
        counted: dict[str, int] = json.loads(_run("count", folder))
        return counted

    def drop(self, folder: Path) -> None:
        """Give its disk back."""
        shutil.rmtree(folder, ignore_errors=True)


def settings_of(folder: Path, **more: Any) -> Settings:
    """The product's settings on that folder."""
    return load(data=folder, log_level="warning", **more)


def put_listeners(ch: ClickHouse) -> None:
    """All of the world's listeners, in six time zones."""
    version, born = next_version(), to_time(now_ms())
    rows = [
        {
            "listener": listener,
            "version": version,
            "name": f"bench {to_hex(listener)}",
            "account_id": "",
            "is_demo": False,
            "created_at": born,
            "zones": [(to_time(0), ZONES[number % len(ZONES)])],
            "hemisphere": "",
            "min_ms_played": 30_000,
            "count_incognito": False,
            "finished_only": False,
            "profile_sources": "all",
            "erased_at": None,
        }
        for number, listener in enumerate(listeners())
    ]
    ch.insert("listeners", COLUMNS, [[row[column] for column in COLUMNS] for row in rows])


def _make(folder: Path) -> None:
    folder.mkdir(parents=True)
    with open_storage(settings_of(folder)) as storage:
        put_listeners(storage.ch)
        described = artists()
        storage.catalog.put_artists(described, [genre.decide(one.genres) for one in described])


def _count(folder: Path) -> None:
    with open_storage(settings_of(folder)) as storage:
        asked = {
            "sightings": "SELECT uniqExact(listener, sighting_id) FROM sightings FINAL",
            "plays": "SELECT count() FROM plays FINAL",
            "enriched": "SELECT count() FROM plays FINAL WHERE genre NOT IN ('', 'unknown')",
            "refused": "SELECT count() FROM dead_letters FINAL",
        }
        print(json.dumps({name: int(storage.ch.scalar(sql)) for name, sql in asked.items()}))  # noqa: T201


def _run(verb: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.stream.databases", verb, str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{verb} {folder}: {done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    {"make": _make, "count": _count}[sys.argv[1]](Path(sys.argv[2]))
