"""Where models and profiles are kept: the tables `models` and `profiles`, through sinks.

A model trained on simulated listeners is shipped as a file, so that the first profile needs no
training; one that was trained here and stored is used instead of it.
"""

from __future__ import annotations

from pathlib import Path

import structlog

from ml.model import KIND, Model, from_json, to_json
from sinks.clickhouse import ClickHouse
from sinks.profiles import Profiles
from streams.contracts.errors import NothingYet, UserError
from streams.contracts.events import ListenerProfile

SHIPPED = Path(__file__).with_name("trained.json")

log = structlog.get_logger(__name__)


class ModelStore:
    """The newest model is the one in use; older ones stay for the profiles that name them."""

    def __init__(self, ch: ClickHouse) -> None:
        self._profiles = Profiles(ch)

    def save(self, model: Model) -> str:
        """Store a model; its id."""
        self._profiles.put_model(model.model_id, KIND, to_json(model))
        return model.model_id

    def newest(self) -> Model | None:
        """The model that was trained last; None when there is none that this code can read."""
        stored = self._profiles.newest_model(KIND)
        if stored is None:
            return None
        try:
            return from_json(stored.body)
        except UserError as error:  # of an older or newer Spotifire
            log.warning("stored personas not used", model_id=stored.model_id, why=error.message)
            return None

    def load(self) -> Model:
        """The model in use: the stored one, else the shipped one. Raises NothingYet when there is neither."""
        model = self.newest()
        if model is not None:
            return model
        try:
            return from_json(SHIPPED.read_text("utf-8"))
        except FileNotFoundError as error:
            raise NothingYet("No personas were trained yet.", cure="Run: make generated.") from error

    def save_profile(self, profile: ListenerProfile) -> None:
        """Store a computed profile; older ones of the same window stay as its history."""
        self._profiles.put_profiles([profile])
