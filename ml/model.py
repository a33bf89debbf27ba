"""A trained model as plain figures: written as JSON, read without scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from ml.features import BY_NAME
from streams.contracts.errors import UserError
from streams.contracts.ids import hash64, to_hex

KIND = "personas"
VERSION = 1  # of this shape; a model of another one is not read


class Quality(Struct, frozen=True):
    """How well the clusters stand apart, and how well they find planted personas again."""

    listeners: int  # that it was trained on
    silhouette: float  # -1 to 1
    agreement: float | None  # adjusted Rand index of clusters and planted labels; None without labels
    named_right: float | None  # share whose cluster bears the name of their planted persona


class Model(Struct, frozen=True, kw_only=True):
    """Scaler, centroids and names. Arrays are in the order of `features` and of `names`."""

    version: int = VERSION
    trained_at: int  # Unix milliseconds UTC
    seed: int
    features: tuple[str, ...]
    mean: tuple[float, ...]  # of the features as compared (logarithms where logged)
    scale: tuple[float, ...]
    typical: tuple[float, ...]  # median of the training listeners, in the feature's own unit
    names: tuple[str, ...]  # persona of each cluster
    centroids: tuple[tuple[float, ...], ...]  # in standard deviations
    spread: float  # mean squared distance of a listener to the own centroid
    reach: float  # distance within which 99% of the training listeners lie
    quality: Quality

    @property
    def model_id(self) -> str:
        """16 hexadecimal digits of the content: the same training gives the same id."""
        return to_hex(hash64(msgspec.json.encode(msgspec.structs.replace(self, trained_at=0)).decode()))

    def scaled(self, features: Mapping[str, float]) -> npt.NDArray[np.float64]:
        """Features in standard deviations from the mean, in the model's order; NaN where unknown."""
        return np.asarray((as_compared(self.features, features) - np.array(self.mean)) / np.array(self.scale))


def as_compared(names: tuple[str, ...], features: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Values in the order of `names`, logarithms where a feature is logged, NaN where unknown."""
    values = [
        np.log1p(features.get(name, np.nan)) if BY_NAME[name].logged else features.get(name, np.nan) for name in names
    ]
    return np.array(values, dtype=np.float64)


def to_json(model: Model) -> str:
    """The model as JSON text."""
    return msgspec.json.encode(model).decode()


def from_json(text: str) -> Model:
    """Raises UserError when it is of another version, or names a feature that is no longer computed."""
    cure = "Remove that row from the table `models`: the shipped personas are used then."
    try:
        model = msgspec.json.decode(text, type=Model)
    except msgspec.ValidationError as error:
        raise UserError(f"The stored personas cannot be read ({error}).", cure=cure) from error
    if model.version != VERSION or not set(model.features) <= set(BY_NAME):
        raise UserError("The stored personas are of another version.", cure=cure)
    return model
