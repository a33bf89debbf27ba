"""Five clusters of listeners by k-means, and which persona each cluster is.

The cluster decides who somebody is. Which cluster bears which persona's name is the assignment
that fits the personas' leans best over all five, never a threshold on a feature.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import structlog
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from ml.features import BY_NAME, MIN_DAYS, MIN_PLAYS, NAMES, Relations, enough, features_frame
from ml.model import Model, Quality
from ml.personas import PERSONAS
from sinks.clickhouse import ClickHouse
from streams.contracts.errors import NothingYet
from streams.contracts.ports import CatalogArtist

log = structlog.get_logger(__name__)

SEED = 5
STARTS = 20  # k-means from this many starts; the tightest result is kept
MIN_LISTENERS = 4 * len(PERSONAS)

Matrix = npt.NDArray[np.float64]


def train_from_plays(
    ch: ClickHouse,
    plays: pa.Table,
    labels: Mapping[int, str],
    artists: Iterable[CatalogArtist],
    *,
    trained_at: int,
    seed: int = SEED,
) -> Model:
    """Train on plays that are in no table of ours, such as those of simulated listeners.

    `plays` has the schema PLAYS; `labels` says whose planted persona is whose (it serves only to
    judge the result); `artists` gives popularity. They pass through scratch tables of the
    connection's database, dropped at the end. `trained_at` is Unix milliseconds UTC. Raises
    NothingYet when too few listeners have enough plays.
    """
    with _scratch(ch, plays, artists) as relations:
        frame = features_frame(ch, relations=relations)
    return train(frame, labels, trained_at=trained_at, seed=seed)


def train(frame: pd.DataFrame, labels: Mapping[int, str] | None = None, *, trained_at: int, seed: int = SEED) -> Model:
    """Train on a features frame; listeners with too few plays are left out. Raises NothingYet."""
    frame = frame[enough(frame)]
    if len(frame) < MIN_LISTENERS:
        raise NothingYet(
            f"Personas need {MIN_LISTENERS} listeners with {MIN_PLAYS} plays on {MIN_DAYS} days;"
            f" there are {len(frame)}."
        )
    compared = compared_matrix(frame)
    scaler = StandardScaler().fit(compared)
    points = np.nan_to_num(scaler.transform(compared))  # an unknown feature pulls nowhere
    clusters = KMeans(n_clusters=len(PERSONAS), n_init=STARTS, random_state=seed).fit(points)
    centroids: Matrix = clusters.cluster_centers_
    names = name_clusters(centroids)
    distances = np.linalg.norm(points - centroids[clusters.labels_], axis=1)
    model = Model(
        trained_at=trained_at,
        seed=seed,
        features=NAMES,
        mean=_floats(np.nan_to_num(scaler.mean_)),
        scale=_floats(np.nan_to_num(scaler.scale_, nan=1.0)),
        typical=_floats(np.nan_to_num(frame[list(NAMES)].median().to_numpy())),
        names=names,
        centroids=tuple(_floats(row) for row in centroids),
        spread=_rounded(np.mean(distances**2)),
        reach=_rounded(np.quantile(distances, 0.99)),
        quality=_quality(points, clusters.labels_, names, frame["listener"].to_list(), labels),
    )
    log.info("personas trained", model_id=model.model_id, listeners=len(frame))
    return model


def compared_matrix(frame: pd.DataFrame) -> Matrix:
    """The frame's features as compared: (listeners, features), logarithms where logged."""
    columns = [np.log1p(frame[name]) if BY_NAME[name].logged else frame[name].to_numpy(np.float64) for name in NAMES]
    return np.column_stack(columns)


def name_clusters(centroids: Matrix) -> tuple[str, ...]:
    """The persona of each cluster: the one-to-one assignment with the best total likeness.

    Likeness is the cosine between a centroid and a persona's lean, over all features.
    """
    leans = np.array([[persona.lean.get(name, 0.0) for name in NAMES] for persona in PERSONAS])
    likeness = (centroids @ leans.T) / np.outer(
        np.maximum(np.linalg.norm(centroids, axis=1), 1e-9), np.linalg.norm(leans, axis=1)
    )
    rows, columns = linear_sum_assignment(-likeness)
    chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    return tuple(PERSONAS[chosen[row]].name for row in range(len(centroids)))


def _quality(
    points: Matrix,
    clusters: npt.NDArray[np.int32],
    names: tuple[str, ...],
    listeners: list[int],
    labels: Mapping[int, str] | None,
) -> Quality:
    agreement = named_right = None
    if labels:
        planted = [labels.get(listener, "") for listener in listeners]
        agreement = _rounded(adjusted_rand_score(planted, clusters))
        named = [names[cluster] for cluster in clusters]
        named_right = _rounded(np.mean([left == right for left, right in zip(planted, named, strict=True)]))
    return Quality(
        listeners=len(points),
        silhouette=_rounded(silhouette_score(points, clusters)),
        agreement=agreement,
        named_right=named_right,
    )


def _floats(values: Matrix) -> tuple[float, ...]:
    return tuple(_rounded(value) for value in values)


def _rounded(value: float) -> float:
    """Nine digits: what lies behind them depends on the order in which threads added up."""
    return float(f"{value:.9g}")


@contextmanager
def _scratch(ch: ClickHouse, plays: pa.Table, artists: Iterable[CatalogArtist]) -> Iterator[Relations]:
    """Scratch tables like `plays` and `artists`, and a view that counts by the default settings."""
    _sweep(ch)
    mark = secrets.token_hex(4)
    names = Relations(f"scratch_plays_{mark}", f"scratch_counted_{mark}", f"scratch_artists_{mark}")
    rated = [(artist.artist_id, artist.popularity) for artist in artists]
    catalogue = pa.table(
        {
            "artist_id": pa.array([artist_id for artist_id, _ in rated], pa.string()),
            "popularity": pa.array([popularity for _, popularity in rated], pa.uint8()),
        }
    )
    try:
        ch.command(f"CREATE TABLE {names.plays} AS plays ENGINE = MergeTree ORDER BY (listener, play_id)")
        ch.command(
            f"CREATE VIEW {names.counted} AS SELECT * FROM {names.plays}"
            " WHERE (ms_played IS NULL OR ms_played >= 30000) AND NOT ifNull(incognito, false)"
        )
        ch.command(
            f"CREATE TABLE {names.artists} (artist_id String, popularity Nullable(UInt8))"
            " ENGINE = MergeTree ORDER BY artist_id"
        )
        ch.insert_arrow(names.plays, plays)
        ch.insert_arrow(names.artists, catalogue)
        yield names
    finally:
        for kind, name in (("VIEW", names.counted), ("TABLE", names.plays), ("TABLE", names.artists)):
            ch.command(f"DROP {kind} IF EXISTS {name} SYNC")


def _sweep(ch: ClickHouse) -> None:
    """Drop what a training that was killed more than an hour ago left behind."""
    left = ch.query(
        "SELECT name, engine = 'View' FROM system.tables WHERE database = currentDatabase()"
        " AND match(name, '^scratch_(plays|counted|artists)_[0-9a-f]{8}$')"
        " AND metadata_modification_time < now() - INTERVAL 1 HOUR"
    )
    for name, is_view in left:
        ch.command(f"DROP {'VIEW' if is_view else 'TABLE'} IF EXISTS {name} SYNC")
