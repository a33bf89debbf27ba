"""A listener's profile as the API and the page show it: stored if it is fresh, else computed now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.services import Services, needed
from api.shapes import Profile
from sinks.rows import ListenerRow
from sinks.windows import Window
from streams.contracts.errors import NothingYet

FRESH = timedelta(minutes=10)
NOT_YET = "No portrait of this window was made yet."


def profile_of(services: Services, listener: ListenerRow, window: Window) -> Profile:
    """Blocks. A profile without persona carries the reason why. Raises StoreUnavailable."""
    stored = needed(services.reader, "The database").profile(listener.id, window)
    if stored is not None and (services.profiles is None or datetime.now(UTC) - stored.computed_at < FRESH):
        return Profile(
            listener=listener.listener,
            name=listener.name,
            window=window.text,
            computed_at=stored.computed_at,
            plays=stored.plays,
            persona=stored.persona,
            confidence=stored.confidence,
            reasons=list(stored.reasons),
            features=stored.features,
        )
    if services.profiles is None:
        return _none(listener, window, NOT_YET)
    try:
        fresh = services.profiles(listener.id, window.text)
    except NothingYet as error:
        return _none(listener, window, error.message)
    return Profile(
        listener=listener.listener,
        name=listener.name,
        window=window.text,
        computed_at=datetime.fromtimestamp(fresh.computed_at / 1000, UTC),
        plays=fresh.plays,
        persona=fresh.persona,
        confidence=fresh.confidence,
        reasons=list(fresh.reasons),
        features=fresh.features,
    )


def _none(listener: ListenerRow, window: Window, why: str) -> Profile:
    return Profile(listener.listener, listener.name, window.text, None, 0, None, None, [why], {})
