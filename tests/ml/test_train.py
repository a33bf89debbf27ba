"""Planted personas are found again; the clusters decide, and their names are an assignment."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from ml import train as training
from ml.explain import explain
from ml.features import NAMES, features_frame
from ml.model import Model, from_json, to_json
from ml.personas import DESCRIPTIONS, PERSONAS
from ml.store import ModelStore
from ml.train import name_clusters, train, train_from_plays
from sinks.clickhouse import ClickHouse
from streams.contracts.errors import NothingYet, UserError
from tests.ml.planted import artists, planted
from tests.support.clickhouse import fresh_database

NOW = 1_760_000_000_000


@pytest.fixture(scope="module")
def house(engine: ClickHouse) -> Iterator[ClickHouse]:
    with fresh_database() as ch:
        yield ch


@pytest.fixture(scope="module")
def model(house: ClickHouse) -> Model:
    plays, labels = planted(1, each=10)
    return train_from_plays(house, plays, labels, artists(), trained_at=NOW)


@pytest.fixture(scope="module")
def frame(house: ClickHouse) -> pd.DataFrame:
    """Features of listeners that the model was not trained on."""
    plays, _ = planted(2, each=6)
    with training._scratch(house, plays, artists()) as relations:
        return features_frame(house, relations=relations)


def row_features(frame: pd.DataFrame, position: int) -> dict[str, float]:
    return {name: float(frame[name].iloc[position]) for name in NAMES}


def test_there_are_five_personas_each_in_one_sentence() -> None:
    assert set(DESCRIPTIONS) == {
        "Mainstream Explorer",
        "Underground Hunter",
        "Music Addict",
        "Night Owl",
        "Casual Listener",
    }
    for persona in PERSONAS:
        assert persona.description.count(".") == 1
        assert set(persona.lean) <= set(NAMES)


def test_planted_personas_are_found_again_in_listeners_never_seen(model: Model, frame: pd.DataFrame) -> None:
    _, labels = planted(2, each=6)
    found = [explain(model, row_features(frame, position)).persona for position in range(len(frame))]
    wanted = [labels[int(listener)] for listener in frame["listener"]]
    assert len(wanted) == 30
    assert adjusted_rand_score(wanted, found) >= 0.8
    assert sum(left == right for left, right in zip(wanted, found, strict=True)) >= 27


def test_the_quality_is_kept_with_the_model(model: Model) -> None:
    assert model.quality.listeners == 50
    assert model.quality.agreement is not None
    assert model.quality.agreement >= 0.8
    assert model.quality.named_right is not None
    assert model.quality.named_right >= 0.9
    assert 0.2 < model.quality.silhouette <= 1
    assert sorted(model.names) == sorted(DESCRIPTIONS)


def test_training_leaves_nothing_behind(house: ClickHouse, model: Model) -> None:
    left = house.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'scratch')"
    )
    assert left == []
    assert house.scalar("SELECT count() FROM plays") == 0


def test_a_training_that_fails_leaves_nothing_behind(house: ClickHouse) -> None:
    plays, labels = planted(4, each=1, days=20)
    with pytest.raises(NothingYet, match="20 listeners"):
        train_from_plays(house, plays, labels, artists(), trained_at=NOW)
    assert (
        house.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'scratch%'") == []
    )


def test_the_same_training_gives_the_same_model(frame: pd.DataFrame) -> None:
    first = train(frame, trained_at=NOW, seed=3)
    again = train(frame, trained_at=NOW + 1, seed=3)
    assert first.centroids == again.centroids
    assert first.model_id == again.model_id
    assert first.model_id != train(frame.iloc[:-1], trained_at=NOW, seed=3).model_id
    assert first.quality.agreement is None, "nobody said who is who"


def test_a_model_survives_json(model: Model) -> None:
    text = to_json(model)
    again = from_json(text)
    assert again == model
    assert again.model_id == model.model_id
    assert set(msgspec.json.decode(text)) >= {"version", "features", "mean", "scale", "names", "centroids", "quality"}


@pytest.mark.parametrize(
    "broken",
    [
        lambda body: {**body, "version": 99},
        lambda body: {**body, "features": ["peak_hour", *body["features"][1:]]},
        lambda body: {key: value for key, value in body.items() if key != "centroids"},
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_the_cure(model: Model, broken: object) -> None:
    assert callable(broken)
    body = broken(msgspec.json.decode(to_json(model)))
    with pytest.raises(UserError) as caught:
        from_json(msgspec.json.encode(body).decode())
    assert "models" in caught.value.cure


def test_a_model_survives_the_store(house: ClickHouse, model: Model) -> None:
    store = ModelStore(house)
    assert store.newest() is None
    older = msgspec.structs.replace(model, seed=99)
    store.save(older)
    store.save(model)
    assert store.load() == model
    store.save(msgspec.structs.replace(model, version=99))
    assert store.newest() is None, "a model of another version is not misread"


def test_names_follow_the_leans_whatever_the_order_of_the_clusters() -> None:
    leans = np.array([[persona.lean.get(name, 0.0) for name in NAMES] for persona in PERSONAS])
    order = np.array([3, 0, 4, 2, 1])
    noise = np.random.default_rng(1).normal(0, 0.1, leans.shape)
    assert name_clusters(leans[order] + noise) == tuple(PERSONAS[position].name for position in order)


def test_each_name_is_given_once_even_where_two_clusters_want_it() -> None:
    leans = np.array([[persona.lean.get(name, 0.0) for name in NAMES] for persona in PERSONAS])
    twice = leans.copy()
    twice[4] = leans[3] * 0.5  # a second, weaker cluster of night owls
    names = name_clusters(twice)
    assert sorted(names) == sorted(DESCRIPTIONS)
