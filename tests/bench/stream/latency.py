"""From publish to queryable at a steady rate, seen from outside: by asking the table how many rows it has.

Plays are published by the product's Publisher, each at its time. Another thread asks the worker's
ClickHouse for the number of sightings (they are written last) again and again; the k-th play counts
as queryable when the answer is k or more. So the figure includes the question and half the time
between two. The worker's own figures stand beside it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt

from streams.contracts.events import PlayRecorded
from streams.contracts.ids import to_hex
from streams.contracts.topics import PLAY_RECORDED
from streams.publisher import Publisher, PublisherSettings
from tests.bench.stream.backlogs import play_now
from tests.bench.stream.brokers import running
from tests.bench.stream.contest import Tell
from tests.bench.stream.contestants.common import DATABASE
from tests.bench.stream.databases import Databases
from tests.bench.stream.processes import Process
from tests.bench.stream.runs import OURS, PACKAGE
from tests.bench.stream.world import listeners

RATE = 1_000
ASK_S = 0.02  # between two questions
WARM = 200  # plays before it counts: the worker has joined, and its caches are filled
LEFT_S = 30.0  # for the last rows to come

Seconds = npt.NDArray[np.float64]


def measure(place: Path, databases: Databases, libs: Path, seconds: int, tell: Tell) -> dict[str, Any]:
    """On both brokers."""
    found: dict[str, Any] = {"plays/s": RATE, "s": seconds}
    with running(place / "kafka-latency", libs) as broker:
        found["Apache Kafka"] = _one(databases, broker.bootstrap, seconds)
    tell(f"latency on Apache Kafka: {found['Apache Kafka']}")
    found["in-process broker"] = _one(databases, "", seconds)
    tell(f"latency on the in-process broker: {found['in-process broker']}")
    return found


def _one(databases: Databases, bootstrap: str, seconds: int) -> dict[str, Any]:
    data = databases.fresh()
    arguments = ["--data", str(data), "--serve", "--enriched", *(("--bootstrap", bootstrap) if bootstrap else ())]
    with Process(OURS, f"{PACKAGE}.ours", arguments, data / "output.log") as worker:
        ready = worker.hear("ready")
        names = [to_hex(listener) for listener in listeners()]

        def play(number: int) -> PlayRecorded:
            return play_now(names[number % len(names)], number)

        with Counting(ready["clickhouse"], "SELECT count() FROM sightings") as rows:
            asyncio.run(publish(ready["bootstrap"], RATE, WARM / RATE, play))
            rows.reaches(WARM, LEFT_S)
            time.sleep(1.0)
            sent = asyncio.run(publish(ready["bootstrap"], RATE, seconds, lambda number: play(WARM + number)))
            rows.reaches(WARM + len(sent), LEFT_S)
        peak = worker.peak()
        worker.stop()
        own = worker.hear("figures")
    databases.drop(data)
    return {
        **percentiles(rows.seen(WARM, len(sent)) - sent),
        "worker's own p50 ms": _ms(own["p50"]),
        "worker's own p99 ms": _ms(own["p99"]),
        "most MiB": round(peak),
    }


async def publish(bootstrap: str, rate: float, seconds: float, play: Callable[[int], PlayRecorded]) -> Seconds:
    """Publish play(0), play(1), ... at that rate; the moments (monotonic) at which each was due or handed over."""
    count = round(rate * seconds)
    sent = np.zeros(count)
    async with Publisher(PublisherSettings(bootstrap=bootstrap)) as publisher:
        began = time.monotonic()
        for number in range(count):
            due = began + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            event = play(number)
            sent[number] = time.monotonic()
            await publisher.publish(PLAY_RECORDED, event)
    return sent


class Counting:
    """Asks ClickHouse for a count again and again over HTTP, in a thread of its own."""

    def __init__(self, url: str, sql: str, every_s: float = ASK_S) -> None:
        self._url, self._sql, self._every = url, sql, every_s
        self._seen: list[tuple[float, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Counting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def reaches(self, count: int, seconds: float) -> None:
        """Wait until so many rows were seen. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while not self._seen or self._seen[-1][1] < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{self._seen[-1:]} rows were seen, and not {count}")
            time.sleep(0.05)

    def seen(self, before: int, count: int) -> Seconds:
        """When each of `count` rows after the first `before` was seen first (monotonic)."""
        at, rows = np.array([moment for moment, _ in self._seen]), np.array([many for _, many in self._seen])
        return at[np.searchsorted(rows, before + np.arange(1, count + 1))]

    def _ask(self) -> None:
        most = 0
        with httpx.Client(params={"database": DATABASE}, timeout=30) as client:
            while not self._stop.is_set():
                answer = client.post(self._url, content=self._sql).raise_for_status()
                most = max(most, int(answer.text))
                self._seen.append((time.monotonic(), most))
                self._stop.wait(self._every)


def percentiles(waited: Seconds) -> dict[str, int]:
    """Of seconds, in milliseconds."""
    p50, p99, most = np.quantile(waited, [0.5, 0.99, 1.0]) * 1000
    return {"p50 ms": round(p50), "p99 ms": round(p99), "most ms": round(most)}


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
