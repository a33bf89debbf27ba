"""A listener's profile in one window, from the plays to the sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import structlog

from ml.explain import Verdict, explain, not_enough
from ml.features import NAMES, features_frame
from ml.model import Model
from ml.store import ModelStore
from sinks.clickhouse import ClickHouse
from sinks.listeners import Listeners
from sinks.reader import Reader
from sinks.rows import ListenerRow, ProfileRow
from sinks.windows import Window, parse_window
from streams.contracts.errors import UserError
from streams.contracts.events import ListenerProfile
from streams.contracts.ids import to_hex
from streams.enrich.zones import hemisphere_of

log = structlog.get_logger(__name__)


def profile(ch: ClickHouse, listener: int, window: str, *, now: datetime | None = None) -> ListenerProfile:
    """Who a listener is in a window ("90d", "2025", "2025-summer", "2025-03", "all"); nothing is stored.

    Too few plays is an answer: persona None, and the reason. `now` (aware; the clock by default)
    decides what today is where the listener lives. Raises UserError for an unknown listener or
    window, NothingYet while no model was trained.
    """
    moment = now or datetime.now(UTC)
    row = Listeners(ch).get(to_hex(listener))
    chosen = _window(row, window, moment)
    frame = features_frame(
        ch,
        listener=listener,
        first=chosen.first,
        last=chosen.last,
        exports_only=row.profile_sources == "export",
    )
    plays, days = _counts(frame)
    verdict, model = not_enough(plays, days), None
    features = _features(frame)
    if verdict is None:
        model = ModelStore(ch).load()
        verdict = explain(model, features)
    return _profile(listener, chosen.text, moment, plays, features, verdict, model)


def refresh_profiles(
    ch: ClickHouse, windows: Sequence[str], *, now: datetime | None = None, listener: int | None = None
) -> list[ListenerProfile]:
    """Compute the profiles of one listener, or of everybody, and store those that say something new."""
    store, reader = ModelStore(ch), Reader(ch)
    rows = [(listener,)] if listener else ch.query("SELECT listener FROM v_listeners ORDER BY listener")
    profiles, fresh = [], 0
    for (who,) in rows:
        for window in windows:
            try:
                computed = profile(ch, who, window, now=now)
            except UserError:
                if listener is not None:
                    raise
                break  # erased since the list was made
            if _is_news(reader.profile(who, window), computed):
                store.save_profile(computed)
                fresh += 1
            profiles.append(computed)
    log.info("profiles computed", profiles=len(profiles), stored=fresh)
    return profiles


def _is_news(stored: ProfileRow | None, computed: ListenerProfile) -> bool:
    """Not every ten minutes of somebody who sleeps is a row of their history."""
    return stored is None or (stored.plays, stored.persona, stored.model_id) != (
        computed.plays,
        computed.persona,
        computed.model_id,
    )


def _window(listener: ListenerRow, text: str, moment: datetime) -> Window:
    """The window where the listener lives: their today, their seasons."""
    zone = listener.zone_at(moment)
    today = moment.astimezone(ZoneInfo(zone)).date()
    return parse_window(text, today, listener.hemisphere or hemisphere_of(zone))


def _counts(frame: pd.DataFrame) -> tuple[int, int]:
    return (0, 0) if frame.empty else (int(frame["plays"].iloc[0]), int(frame["active_days"].iloc[0]))


def _features(frame: pd.DataFrame) -> dict[str, float]:
    """The known features of the one row."""
    if frame.empty:
        return {}
    row = frame.iloc[0]
    return {name: float(row[name]) for name in NAMES if not math.isnan(row[name])}


def _profile(
    listener: int,
    window: str,
    moment: datetime,
    plays: int,
    features: dict[str, float],
    verdict: Verdict,
    model: Model | None,
) -> ListenerProfile:
    return ListenerProfile(
        listener=to_hex(listener),
        window=window,
        computed_at=int(moment.timestamp() * 1000),
        plays=plays,
        model_id=model.model_id if model else "",
        persona=verdict.persona,
        confidence=verdict.confidence,
        reasons=verdict.reasons,
        features=features,
    )
