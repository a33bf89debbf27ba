"""Who a listener is by a model, how sure that is, and why, in sentences with figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from ml.features import BY_NAME, MIN_DAYS, MIN_PLAYS
from ml.model import Model

REASONS = 3
WORTH_SAYING = 0.1  # of what the strongest reason says

Vector = npt.NDArray[np.float64]


class Verdict(Struct, frozen=True):
    """A persona with confidence (0 to 1) and reasons, or None with the reason why not."""

    persona: str | None
    confidence: float | None
    reasons: tuple[str, ...]


def not_enough(plays: int, active_days: int) -> Verdict | None:
    """The answer where there is too little to speak of a habit, else None."""
    if plays >= MIN_PLAYS and active_days >= MIN_DAYS:
        return None
    return Verdict(
        None,
        None,
        (
            f"Not enough data: {plays} {'play' if plays == 1 else 'plays'} on {active_days}"
            f" {'day' if active_days == 1 else 'days'} in this window;"
            f" a profile needs {MIN_PLAYS} plays on {MIN_DAYS} days.",
        ),
    )


def explain(model: Model, features: Mapping[str, float]) -> Verdict:
    """The nearest cluster's persona. Unknown features (absent or NaN) take no part."""
    scaled = model.scaled(features)
    distances = squared_distances(model, scaled)
    nearest = int(np.argmin(distances))
    return Verdict(
        model.names[nearest],
        round(confidence(model, distances), 3),
        tuple(_reasons(model, features, scaled, nearest)),
    )


def squared_distances(model: Model, scaled: Vector) -> Vector:
    """To each centroid, over the known features, scaled up to what all of them would give."""
    known = ~np.isnan(scaled)
    if not known.any():
        return np.full(len(model.names), model.spread)
    differences = (np.array(model.centroids) - scaled)[:, known]
    return np.asarray((differences**2).sum(axis=1) * len(scaled) / known.sum())


def confidence(model: Model, distances: Vector) -> float:
    """Softmax of the squared distances in units of the clusters' spread, 0 to 1.

    Half way between two centroids it is one half; further out than nearly all whom the model
    was trained on, it shrinks with the distance: nobody it knows is like that.
    """
    likeness = np.exp(-(distances - distances.min()) / model.spread)
    nearest = float(np.sqrt(distances.min()))
    return float(1 / likeness.sum()) * min(1.0, model.reach / max(nearest, 1e-9))


def _reasons(model: Model, features: Mapping[str, float], scaled: Vector, cluster: int) -> list[str]:
    """The features that spoke most for this cluster, of those that the listener shares with it.

    What a feature says for a cluster is how much nearer it puts the listener to that centroid
    than, on average, to the others: the squared distance taken apart by feature.
    """
    centroids = np.array(model.centroids)
    apart = (centroids - scaled) ** 2
    spoke = np.nan_to_num(np.delete(apart, cluster, axis=0).mean(axis=0) - apart[cluster], nan=-np.inf)
    shared = scaled * centroids[cluster] > 0  # both off the middle, on the same side
    sentences: list[str] = []
    for position in np.argsort(-spoke, kind="stable"):
        if spoke[position] < WORTH_SAYING * max(spoke.max(), 0) or len(sentences) == REASONS:
            break
        feature = BY_NAME[model.features[position]]
        mine = feature.text(features.get(feature.name, np.nan))
        most = feature.text(model.typical[position])
        if shared[position] and spoke[position] > 0 and mine != most:
            sentences.append(f"{feature.sentence.format(value=mine)}; most listeners: {most}.")
    return sentences or ["Nothing stands out: your figures are close to those of most listeners."]
