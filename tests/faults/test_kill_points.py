"""kill -9 at the three points where a worker could lose or double: round its insert and round its commit."""

from __future__ import annotations

import queue
import time

import pytest

from streams.contracts.topics import PLAY_ENRICHED
from tests.faults.conftest import Scene
from tests.support.fleet import Worker, wait
from tests.support.proxy import Fault, Plan

pytestmark = [pytest.mark.apache_kafka, pytest.mark.timeout(900)]

TABLES = ("plays", "import_rows", "sightings")
BURST = 1_500
BEFORE_COMMIT = "after ack before commit"
POINTS = {
    "before insert": Fault.HELD_BEFORE,  # the server never had it
    "after insert before ack": Fault.HELD_AFTER,  # the server has acted on it, and the worker never heard so
    BEFORE_COMMIT: Fault.NONE,  # stored and told, and all of it is read again
}


def test_killed_at_a_chosen_point(scene: Scene, short: bool) -> None:
    """The points in random order, each as often; what is committed is stored, at every single kill."""
    each = 1 if short else 10
    fleet, dice = scene.fleet, scene.dice
    points = [*POINTS] * each
    dice.shuffle(points)
    hits = dict.fromkeys(POINTS, 0)
    kills = 0
    fleet.start(static="one")
    fleet.sharing(1)
    while points:
        point = points[-1]
        worker = fleet.workers[0]
        if point == BEFORE_COMMIT:
            tell(scene)
        else:
            hold(scene, worker, dice.choice(TABLES), POINTS[point])
        fleet.kill(worker)
        kills += 1
        fleet.start(static="one")
        committed, stored = scene.committed_ids(), scene.stored_ids()
        assert committed <= stored, f"seed {scene.seed}: {len(committed - stored)} committed, and not stored"
        if point != BEFORE_COMMIT or stored - committed:  # else the commit was faster than the kill
            hits[point] += 1
            points.pop()
        assert kills < 10 * each * len(POINTS), f"seed {scene.seed}: of {kills} kills {hits}\n{fleet.said()}"
    scene.sender.flush()
    fleet.settled()
    scene.must_hold("kill points", kills=kills, **{point.replace(" ", "_"): hit for point, hit in hits.items()})


def hold(scene: Scene, worker: Worker, table: str, fault: Fault) -> None:
    """Stop the worker at its first or second insert into a table from now on."""
    worker.proxy.plan = at_insert(scene.dice.randint(1, 2), table, fault)
    for _ in range(40):  # a slice may hold a whole burst, and then the second insert needs one more
        scene.publish(BURST // 3)
        try:
            worker.proxy.held.get(timeout=2)
        except queue.Empty:
            scene.fleet.alive()
        else:
            time.sleep(scene.dice.uniform(0, 0.3))  # what runs beside it may go on, up to its own commit
            return
    raise AssertionError(f"seed {scene.seed}: no insert into {table} came\n{scene.fleet.said()}")


def at_insert(number: int, table: str, fault: Fault) -> Plan:
    """Hold the n-th insert (from 1) into a table."""
    left = [number]

    def plan(into: str) -> Fault:
        left[0] -= into == table
        return fault if into == table and not left[0] else Fault.NONE

    return plan


def tell(scene: Scene) -> None:
    """Wait until a slice is told: it is acknowledged at once, and its commit follows within an interval."""
    told = scene.wire.total(PLAY_ENRICHED)
    scene.publish(BURST)
    scene.sender.flush()
    wait(lambda: scene.wire.total(PLAY_ENRICHED) > told, "nothing was told", scene.fleet.said, pause=0.002)
    time.sleep(scene.dice.uniform(0, 0.05))
