"""Confidence and reasons of a verdict, on a model small enough to reckon by hand."""

from __future__ import annotations

import msgspec
import pytest

from ml.explain import explain, not_enough
from ml.model import Model, Quality

FEATURES = ("night_share", "plays_per_active_day", "mainstream_index")
MODEL = Model(
    trained_at=0,
    seed=1,
    features=FEATURES,
    mean=(0.2, 3.0, 50.0),
    scale=(0.1, 0.5, 15.0),
    typical=(0.09, 19.0, 52.0),
    names=("Night Owl", "Music Addict", "Underground Hunter"),
    centroids=((2.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, -2.0)),
    spread=1.0,
    reach=2.0,
    quality=Quality(listeners=30, silhouette=0.5, agreement=None, named_right=None),
)
AVERAGE_DAY = 19.0855  # e^3 - 1: exactly the mean, as compared
OWL = {"night_share": 0.41, "plays_per_active_day": AVERAGE_DAY, "mainstream_index": 50.0}


def test_a_clear_case_is_explained_with_figures() -> None:
    verdict = explain(MODEL, OWL)
    assert verdict.persona == "Night Owl"
    assert verdict.reasons == ("41% of your plays are between 23:00 and 05:00; most listeners: 9%.",)
    assert verdict.confidence is not None
    assert verdict.confidence > 0.95


def test_half_way_between_two_is_a_coin_toss() -> None:
    verdict = explain(MODEL, {**OWL, "night_share": 0.3, "plays_per_active_day": 32.1154})  # e^3.5 - 1
    assert verdict.confidence == pytest.approx(0.5, abs=0.1)


def test_somebody_unlike_all_others_is_less_certain() -> None:
    far = explain(MODEL, {**OWL, "night_share": 0.9})
    assert far.persona == "Night Owl"
    assert far.confidence == pytest.approx(2 / 5, abs=0.01), "reach 2, distance 5"


def test_unknown_features_take_no_part() -> None:
    partly = explain(MODEL, {"night_share": 0.41, "plays_per_active_day": float("nan")})
    assert partly.persona == "Night Owl"
    nothing = explain(MODEL, {})
    assert nothing.confidence == pytest.approx(1 / 3, abs=0.01)
    assert nothing.reasons[0].startswith("Nothing stands out")


def test_reasons_are_those_that_the_listener_shares_with_the_cluster() -> None:
    """Few plays a day speak against the addict, and are no reason to be an owl."""
    verdict = explain(MODEL, {**OWL, "plays_per_active_day": 6.0})
    assert verdict.persona == "Night Owl"
    assert all("tracks on a day" not in reason for reason in verdict.reasons)


def test_a_figure_that_reads_like_everybodys_is_no_reason() -> None:
    usual = msgspec.structs.replace(MODEL, typical=(0.41, 19.0, 52.0))
    assert explain(usual, OWL).reasons[0].startswith("Nothing stands out")


def test_no_more_than_three_reasons() -> None:
    many = msgspec.structs.replace(MODEL, centroids=((2.0, 2.0, -2.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)))
    verdict = explain(many, {"night_share": 0.4, "plays_per_active_day": 50.0, "mainstream_index": 20.0})
    assert len(verdict.reasons) == 3
    assert "Your artists have a popularity of 20 out of 100; most listeners: 52." in verdict.reasons
    assert "You play 50 tracks on a day with music; most listeners: 19." in verdict.reasons


@pytest.mark.parametrize(
    ("plays", "days", "said"),
    [(49, 30, "49 plays on 30 days"), (500, 6, "500 plays on 6 days"), (1, 1, "1 play on 1 day"), (0, 0, "0 plays")],
)
def test_too_little_is_an_answer(plays: int, days: int, said: str) -> None:
    verdict = not_enough(plays, days)
    assert verdict is not None
    assert verdict.persona is None
    assert verdict.confidence is None
    assert said in verdict.reasons[0]
    assert "50 plays on 7 days" in verdict.reasons[0]


def test_enough_is_enough() -> None:
    assert not_enough(50, 7) is None
