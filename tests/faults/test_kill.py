"""kill -9 of workers at random moments."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Scene
from tests.support.fleet import wait

pytestmark = [pytest.mark.apache_kafka, pytest.mark.timeout(900)]

WORKERS = 2


def test_workers_killed_at_random(scene: Scene, short: bool) -> None:
    """Two workers share the work; one of them dies, and another starts in its place."""
    events, kills = (8_000, 3) if short else (100_000, 20)
    fleet, dice = scene.fleet, scene.dice
    for number in range(WORKERS):
        fleet.start(static=f"static{number}")
    fleet.sharing(WORKERS)
    at_work = 0
    for number in range(kills):
        before = scene.stored()
        scene.publish(events // kills)
        # somewhere in the burst: a part of it is stored, committed, in hand, not yet read
        some = before + dice.random() * 0.6 * events / kills
        wait(lambda some=some: scene.stored() >= some, "the workers stood still", fleet.said)  # type: ignore[misc]
        victim = dice.choice(fleet.workers)
        fleet.kill(victim)
        at_work += scene.wire.lag() > 0
        fleet.alive()
        # the same name is let in at once; without one it waits until the dead one's session has ended
        fleet.start(static=victim.static if number % 4 != 3 else "")
    scene.publish(events % kills)
    scene.sender.flush()
    fleet.settled()
    assert at_work > kills // 2, "most kills hit workers that had nothing to do"
    scene.must_hold("worker kill -9", kills=kills, at_work=at_work)
