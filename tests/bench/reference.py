"""How fast reference data is looked up, and what its cache weighs, with many artists known.

    python -m tests.bench.reference [--artists 5000000] [--keys 3000] [--http]

The catalogue is made up by ClickHouse itself (8 s a million), in a folder that is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import md5
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from deploy.clickhouse_http import ChdbHttpServer, Served
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.migrate import migrate
from sinks.reference import ClickHouseReference

PLAYS = 20_000  # of a slice
FILL = (
    "INSERT INTO artists SELECT lower(hex(MD5(toString(number)))), 'spotify', number, concat('Artist ', "
    "toString(number)), concat('artist ', toString(number)), ['pop'], 'pop', 'pop', number % 100, number "
    "FROM numbers({start:UInt64}, {count:UInt64})"
)


def main() -> None:
    """Run it and print JSON."""
    asked = argparse.ArgumentParser(prog="python -m tests.bench.reference")
    asked.add_argument("--artists", type=int, default=5_000_000)
    asked.add_argument("--keys", type=int, default=3_000, help="distinct artists of a slice")
    asked.add_argument("--http", action="store_true", help="over ClickHouse's HTTP protocol")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="spotifire-bench-") as place:
        local = ClickHouse(ClickHouseSettings(path=Path(place), database="bench"))
        migrate(local)
        for start in range(0, options.artists, 500_000):
            local.command(FILL, {"start": start, "count": min(500_000, options.artists - start)})
        local.command("OPTIMIZE TABLE artists FINAL")
        server = ChdbHttpServer(Served(Path(place)))
        url = server.start()
        ch = ClickHouse(ClickHouseSettings(url=url, database="bench")) if options.http else local
        print(json.dumps(measured(ch, options.artists, options.keys), indent=2))  # noqa: T201
        server.stop()
        local.close()


def measured(ch: ClickHouse, artists: int, count: int) -> dict[str, Any]:
    """Milliseconds a slice, and MiB."""
    reference, random = ClickHouseReference(ch, threading.Event()), Random(20_261_122)

    def keys() -> list[int]:
        return random.sample(range(artists), count)

    ids = [md5(str(one).encode(), usedforsecurity=False).hexdigest() for one in keys()]
    names = [f"artist {one}" for one in keys()]
    found: dict[str, Any] = {
        "by id": timed(reference.artists_by_id, ids),
        "by name": timed(reference.artists_by_name, names),
    }
    before = resident()
    for _ in range(300_000 // count):
        reference.artists_by_name([f"artist {one}" for one in keys()])
    return {**found, "MiB more after 300,000 keys": round(resident() - before)}


def timed(ask: Callable[[Sequence[str]], object], keys: Sequence[str]) -> dict[str, float]:
    """Cold, warm, and a warm one that first asks what changed."""
    times: list[float] = []
    for _ in range(30):
        began = time.perf_counter()
        ask(keys)
        times.append((time.perf_counter() - began) * 1000)
    time.sleep(1.1)
    began = time.perf_counter()
    ask(keys)
    checked = (time.perf_counter() - began) * 1000
    warm = median(times[1:])
    return {
        "cold ms": round(times[0], 1),
        "warm ms": round(warm, 2),
        "warm us a play": round(warm * 1000 / PLAYS, 3),
        "once a second ms": round(checked, 1),
    }


def resident() -> float:
    """MiB of this process, on Linux."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main()
