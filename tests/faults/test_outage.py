"""ClickHouse dead for minutes under a full load, and a broker that dies again and again."""

from __future__ import annotations

import time

import pytest

from deploy.kafka.apache import ApacheKafka
from tests.faults.conftest import Scene
from tests.support.fleet import wait

pytestmark = [pytest.mark.apache_kafka, pytest.mark.timeout(1_200)]

WORKERS = 2
MORE_MIB = 150  # that a worker may take beyond what it had under the same load


def rest(scene: Scene, seconds: float) -> float:
    """Let time pass; the most memory that a worker had meanwhile, in MiB."""
    most = 0.0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        scene.fleet.alive()
        most = max(most, *(worker.process.memory_mib() for worker in scene.fleet.workers))
        time.sleep(0.25)
    return most


@pytest.mark.simple
def test_clickhouse_down(scene: Scene, short: bool) -> None:
    """Records come on all the while: they wait in Kafka, not in a worker's memory, and are all stored later."""
    rate, down_s, steady_s = (2_000, 8, 5) if short else (5_000, 120, 15)
    fleet, clickhouse = scene.fleet, scene.clickhouse
    for _ in range(WORKERS):
        fleet.start()
    fleet.sharing(WORKERS)
    with scene.feeding(rate):
        wait(lambda: scene.stored() > rate, "nothing was stored", fleet.said)
        before = rest(scene, steady_s)
        clickhouse.kill()
        try:
            during = rest(scene, down_s)
            behind = scene.wire.lag()
        finally:
            clickhouse.start()  # the next test's too
        during = max(during, rest(scene, steady_s))
    scene.sender.flush()
    began = time.monotonic()
    after = 0.0
    while scene.wire.lag():
        assert time.monotonic() - began < 600, f"seed {scene.seed}: lag {scene.wire.lag()}\n{fleet.said()}"
        after = max(after, rest(scene, 0.5))
    scene.must_hold(
        "ClickHouse down",
        down_s=down_s,
        rate=rate,
        lag=behind,
        caught_up_s=round(time.monotonic() - began),
        mib_before=round(before),
        mib_during=round(during),
        mib_after=round(after),
    )
    assert behind > rate * down_s // 2, "the outage was none"
    assert max(during, after) < before + MORE_MIB, "memory grows with what waits"


def test_broker_killed(scene: Scene, apache_broker: ApacheKafka, short: bool) -> None:
    """Workers and publisher wait for it by themselves; every acknowledged event is stored."""
    kills = 1 if short else 5
    fleet, dice = scene.fleet, scene.dice
    for _ in range(WORKERS):
        fleet.start()
    fleet.sharing(WORKERS)
    acknowledged: set[tuple[int, int]] = set()
    with scene.feeding(500 if short else 1_000):
        for _ in range(kills):
            before = scene.stored()
            wait(lambda before=before: scene.stored() > before + 500, "the workers stood still", fleet.said)  # type: ignore[misc]
            time.sleep(dice.uniform(0, 1.0))
            apache_broker.kill()
            try:
                acknowledged.update(list(scene.sent.values()))  # copied at once: the feeding thread goes on
                time.sleep(dice.uniform(0.5, 4.0))
            finally:
                apache_broker.start()  # the next test's too
    scene.sender.flush(180)
    fleet.settled(180)
    missing = acknowledged - scene.stored_ids()
    assert not missing, f"seed {scene.seed}: {len(missing)} acknowledged before a kill, and not stored"
    scene.must_hold("broker kill -9", kills=kills, acknowledged_before_a_kill=len(acknowledged))
