"""ClickHouse that refuses, that breaks off, that acts and never answers; and the control that must lose."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.faults.conftest import Scene
from tests.support.fleet import WORKER
from tests.support.proxy import Fault

pytestmark = [pytest.mark.apache_kafka, pytest.mark.timeout(900)]

WORKERS = 2
KINDS = (Fault.REFUSED, Fault.RESET, Fault.CUT, Fault.DROPPED)
STOCK = ("tests.support.stock_worker",)


class Troubles:
    """A plan that fails one insert in three and one query in thirty, until there were enough faults."""

    def __init__(self, seed: str, most: int) -> None:
        self._dice = random.Random(seed)
        self.most = most
        self._lock = threading.Lock()  # each proxy asks in a thread of its own
        self.faults: Counter[Fault] = Counter()

    def __call__(self, table: str) -> Fault:
        with self._lock:
            if self.done() or self._dice.random() > (1 / 3 if table else 1 / 30):
                return Fault.NONE
            fault = self._dice.choice(KINDS)
            self.faults[fault] += 1
            return fault

    def done(self) -> bool:
        """Whether there were enough."""
        return self.faults.total() >= self.most


def run(scene: Scene, faults: int, module: Sequence[str]) -> Troubles:
    """Workers that meet so many faults while records come, and then none until all is committed."""
    troubles = Troubles(scene.seed, 0)
    for _ in range(WORKERS):
        scene.fleet.start(plan=troubles, module=module)
    scene.fleet.sharing(WORKERS)
    troubles.most = faults
    until = time.monotonic() + 400
    while not troubles.done():
        scene.publish(300)
        time.sleep(0.15)
        scene.fleet.alive()
        assert time.monotonic() < until, f"only {troubles.faults.total()} faults: the workers stand still"
    scene.sender.flush()
    scene.fleet.settled()
    return troubles


def test_inserts_that_fail_in_every_way(scene: Scene, short: bool) -> None:
    """Whatever the worker is told, or not told: what it stored is stored, what it did not comes again."""
    troubles = run(scene, 24 if short else 200, WORKER)
    kinds = {fault.name.lower(): count for fault, count in troubles.faults.items()}
    scene.must_hold("sink faults", faults=troubles.faults.total(), **kinds)


def test_control_faust_as_it_comes_loses(scene: Scene, short: bool) -> None:
    """The same harness and the same checks: all is committed, and records are missing."""
    troubles = run(scene, 12 if short else 50, STOCK)
    # it publishes nothing, so the topic of enriched plays is no evidence
    verdict = scene.judge("control, must fail", with_topic=False, faults=troubles.faults.total())
    assert not verdict.good()
    sightings = verdict.places[0]
    assert sightings.lost, f"seed {scene.seed}: Faust's own way lost nothing, so these faults prove nothing"
    assert not verdict.lag, "a record that is not committed is late, and not lost"
    # and one play too many does not hide behind those that are missing
    scene.ch.command("INSERT INTO plays SELECT * REPLACE (play_id + 1 AS play_id) FROM plays FINAL LIMIT 1")
    again = scene.judge("control, one play planted", with_topic=False)
    assert (again.lost, again.double) == (verdict.lost, verdict.double + 1)
