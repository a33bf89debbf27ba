"""One broker and one ClickHouse for the run; empty topics, a fresh database and workers for each test."""

from __future__ import annotations

import itertools
import random
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.kafka.apache import ApacheKafka
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.listeners import Listeners
from sinks.migrate import migrate
from streams.contracts.topics import PLAY_RECORDED
from tests.faults.verdict import Verdict, judge
from tests.faults.world import HEADERS, World
from tests.support.fleet import ClickHouseProcess, Fleet
from tests.support.kafka import apache_broker, kafka_jars
from tests.support.wire import Sender, Wire

__all__ = ["apache_broker", "kafka_jars"]

LISTENERS = 24

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--short", action="store_true", help="few faults instead of many: 4 minutes, not 15")
    parser.addoption("--seed", default="", help="the seed of a run that failed")


@dataclass
class Scene:
    """All that a test of faults needs. `dice` and the world follow from the seed."""

    seed: str
    dice: random.Random
    folder: Path
    wire: Wire
    sender: Sender
    clickhouse: ClickHouseProcess
    ch: ClickHouse
    fleet: Fleet
    world: World
    listeners: list[int]
    began: float = field(default_factory=time.monotonic)
    sent: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)  # partition, offset: sighting

    def publish(self, count: int) -> None:
        """The world's next records, onto Kafka; returns when they are buffered."""
        for record in self.world.take(count):
            self.world.published(record)
            sighting = (record.listener, record.sighting)

            def delivered(partition: int, offset: int, sighting: tuple[int, int] = sighting) -> None:
                self.sent[partition, offset] = sighting

            self.sender.send(PLAY_RECORDED, record.key, record.value, HEADERS, delivered)

    def stored(self) -> int:
        """Rows of sightings, repeats included: cheap, to see how far the workers are."""
        return int(self.ch.scalar("SELECT count() FROM sightings"))

    def stored_ids(self) -> set[tuple[int, int]]:
        """Their ids."""
        return {(row[0], row[1]) for row in self.ch.query("SELECT listener, sighting_id FROM v_sightings")}

    def committed_ids(self) -> set[tuple[int, int]]:
        """The sightings of all records below the commits."""
        committed = self.wire.committed()
        return {one for (partition, offset), one in self.sent.items() if offset < committed[partition]}

    @contextmanager
    def feeding(self, rate: int) -> Iterator[None]:
        """Publish so many records a second, in a thread, while the block runs."""
        stop = threading.Event()

        def feed() -> None:
            began, count = time.monotonic(), 0
            while not stop.wait(0.02):
                due = int((time.monotonic() - began) * rate)
                self.publish(due - count)
                count = due

        with ThreadPoolExecutor(1) as threads:
            done = threads.submit(feed)
            try:
                yield
            finally:
                stop.set()
            done.result()

    def judge(self, what: str, *, with_topic: bool = True, **figures: Any) -> Verdict:
        """Compare everything, and print the line of figures."""
        self.sender.flush()
        verdict = judge(self.world, self.ch, self.wire, told=with_topic)
        told = {
            "events": len(self.sent) or self.wire.total(),
            **figures,
            "seconds": round(time.monotonic() - self.began),
            "lost": verdict.lost,
            "double": verdict.double,
            "replayed": verdict.replayed,
            "seed": self.seed,
        }
        print(f"\n{what}: " + ", ".join(f"{name} {value}" for name, value in told.items()), flush=True)  # noqa: T201
        return verdict

    def must_hold(self, what: str, **figures: Any) -> None:
        """`judge`, and nothing may be lost or double."""
        verdict = self.judge(what, **figures)
        assert verdict.good(), f"seed {self.seed}\n{verdict}"


@pytest.fixture(scope="session")
def short(request: pytest.FixtureRequest) -> bool:
    """Whether this is the short form."""
    return bool(request.config.getoption("--short"))


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> str:
    """Of the whole run."""
    return str(request.config.getoption("--seed")) or secrets.token_hex(4)


@pytest.fixture(scope="session")
def clickhouse_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    """The one ClickHouse of the run, in a process of its own."""
    server = ClickHouseProcess(tmp_path_factory.mktemp("clickhouse"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def scene(
    request: pytest.FixtureRequest,
    seed: str,
    apache_broker: ApacheKafka,
    clickhouse_process: ClickHouseProcess,
    tmp_path: Path,
) -> Iterator[Scene]:
    """Empty topics, a migrated database with listeners, and no worker yet."""
    name = f"{seed} {request.node.name}"
    wire = Wire(apache_broker.bootstrap)
    wire.fresh_topics()
    database = f"faults{next(_numbers)}"
    ch = ClickHouse(ClickHouseSettings(url=clickhouse_process.url, database=database))
    migrate(ch)
    zones = ("Europe/Lisbon", "Asia/Tokyo", "America/Bogota")
    added = [Listeners(ch).add(f"Listener {n}", zones[n % len(zones)]) for n in range(LISTENERS)]
    listeners = [one.id for one in added]
    fleet = Fleet(tmp_path, wire, clickhouse_process, database)
    simple = request.node.get_closest_marker("simple") is not None
    world = World(name, listeners, simple=simple)
    sender = Sender(apache_broker.bootstrap)
    made = Scene(seed, random.Random(name), tmp_path, wire, sender, clickhouse_process, ch, fleet, world, listeners)
    print(f"\nseed {seed}", end="", flush=True)  # noqa: T201
    try:
        yield made
    finally:
        fleet.close()
        sender.flush()
        ch.command(f"DROP DATABASE IF EXISTS {database}")
        ch.close()
        wire.close()
