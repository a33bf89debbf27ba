"""The simulator's planted habits are found again: training as it is done at the first start."""

from __future__ import annotations

from sklearn.metrics import adjusted_rand_score

from deploy.training import simulated_plays
from ml import train as training
from ml.explain import explain
from ml.features import NAMES, features_frame
from ml.train import train_from_plays
from producers.simulator.listeners import population
from producers.simulator.simulator import Simulator
from sinks.clickhouse import ClickHouse

UNTIL = 1_760_000_000_000
DAYS = 45


def test_archetypes_of_another_seed_are_found_again(clickhouse: ClickHouse) -> None:
    plays, labels, artists = simulated_plays(Simulator(1), population(30, 1), DAYS, UNTIL)
    model = train_from_plays(clickhouse, plays, labels, artists, trained_at=UNTIL)
    assert model.quality.agreement is not None
    assert model.quality.agreement >= 0.8

    plays, labels, artists = simulated_plays(Simulator(2), population(25, 2), DAYS, UNTIL)
    with training._scratch(clickhouse, plays, artists) as relations:
        frame = features_frame(clickhouse, relations=relations)
    found = [explain(model, {name: float(row[name]) for name in NAMES}).persona for _, row in frame.iterrows()]
    wanted = [labels[int(listener)] for listener in frame["listener"]]
    assert adjusted_rand_score(wanted, found) >= 0.8
    assert sum(left == right for left, right in zip(wanted, found, strict=True)) >= 0.9 * len(wanted)
