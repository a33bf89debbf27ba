"""Trained models and computed profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sinks.clickhouse import ClickHouse
from sinks.erase import erased
from sinks.times import next_version, now_ms, to_time
from streams.contracts.events import ListenerProfile
from streams.contracts.ids import from_hex


@dataclass(frozen=True)
class StoredModel:
    """A trained model; `body` is JSON, `trained_at` is UTC."""

    model_id: str
    kind: str
    trained_at: datetime
    body: str


class Profiles:
    """The tables `models` and `profiles`; reading a profile is the reader's."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def put_model(self, model_id: str, kind: str, body: str) -> None:
        """Store a model (`body` is JSON), trained now."""
        row = (model_id, kind, next_version(), to_time(now_ms()), body)
        self._ch.insert("models", ("model_id", "kind", "version", "trained_at", "body"), [row])

    def newest_model(self, kind: str) -> StoredModel | None:
        """The model of that kind that was trained last."""
        rows = self._ch.query(
            "SELECT model_id, kind, trained_at, body FROM models FINAL WHERE kind = {kind:String} "
            "ORDER BY version DESC LIMIT 1",
            {"kind": kind},
        )
        return StoredModel(*rows[0]) if rows else None

    def put_profiles(self, profiles: Sequence[ListenerProfile]) -> None:
        """Store computed profiles; older ones of the same window stay as its history.

        Those of listeners who were erased meanwhile are dropped.
        """
        gone = erased(self._ch, {from_hex(p.listener) for p in profiles})
        self._ch.insert(
            "profiles",
            ("listener", "window", "computed_at", "plays", "model_id", "persona", "confidence", "reasons", "features"),
            [
                (
                    from_hex(p.listener), p.window, to_time(p.computed_at), p.plays, p.model_id, p.persona or "",
                    p.confidence, list(p.reasons), dict(p.features),
                )
                for p in profiles
                if from_hex(p.listener) not in gone
            ],
        )  # fmt: skip
