"""Workers that come and go while records come, and workers that are asked to end."""

from __future__ import annotations

import time

import pytest

from tests.faults.conftest import Scene
from tests.support.fleet import wait

pytestmark = [pytest.mark.apache_kafka, pytest.mark.timeout(900)]


def test_scale_from_one_to_three_and_back(scene: Scene, short: bool) -> None:
    """Each join, each leave and each death is a rebalance under load."""
    rounds = 1 if short else 3
    fleet, dice = scene.fleet, scene.dice
    fleet.start()
    fleet.sharing(1)
    rebalances = 0
    with scene.feeding(1_000):
        for number in range(rounds):
            for size in (2, 3):
                fleet.start()
                if not short:
                    fleet.sharing(size)
            fleet.sharing(3)
            for size in (2, 1):
                leaving = dice.choice(fleet.workers)
                if number % 2 and size == 1:
                    fleet.kill(leaving)
                else:
                    fleet.terminate(leaving)
                fleet.sharing(size)
            rebalances += 4
    scene.sender.flush()
    fleet.settled()
    scene.must_hold("scale 1 -> 3 -> 1", rebalances=rebalances)


def test_sigterm(scene: Scene, short: bool) -> None:
    """A worker (at times two at once) ends in under 5 s, and exactly what it stored is committed."""
    terms = 2 if short else 20
    fleet, dice = scene.fleet, scene.dice
    seconds: list[float] = []
    uncommitted: list[int] = []
    while len(seconds) < terms:
        size = 2 if len(seconds) % 3 == 2 and len(seconds) + 2 <= terms else 1
        for _ in range(size):
            fleet.start()
        fleet.sharing(size)
        before = scene.stored()
        with scene.feeding(dice.choice((500, 1_000, 2_000))):
            wait(lambda before=before: scene.stored() > before, "nothing was stored", fleet.said)  # type: ignore[misc]
            time.sleep(dice.uniform(0, 1.0))
            seconds += fleet.terminate(*fleet.workers)
        scene.sender.flush()
        committed, stored = scene.committed_ids(), scene.stored_ids()
        assert committed <= stored, f"seed {scene.seed}: {len(committed - stored)} committed, and not stored"
        uncommitted.append(len(stored - committed))
    fleet.start()
    fleet.settled()
    slowest = round(max(seconds), 1)
    scene.must_hold("SIGTERM", terms=len(seconds), slowest_exit_s=slowest, stored_uncommitted=sum(uncommitted))
    assert not any(uncommitted), f"seed {scene.seed}: stored and not committed, by round: {uncommitted}"
    assert slowest < 5, f"seed {scene.seed}: seconds to end: {[round(each, 1) for each in seconds]}"
