"""What Spotify can say besides "try again later" (which is SourceUnavailable).

SpotifireError
├── QuotaExceeded      429 with reason QUOTA_EXCEEDED: hours, up to a day; ask nothing before
├── Forbidden          403: not allow-listed, owner without Premium, scope missing, gone for new apps
├── ReconnectNeeded    the refresh token is dead: only the listener can mend it
├── TokenRefused       401: the access token is dead; the client refreshes once and tries once more
└── UnexpectedAnswer   any other 4xx: our request was wrong, repeating it will not help
"""

from __future__ import annotations

from streams.contracts.errors import SpotifireError


class QuotaExceeded(SpotifireError):
    """The app's daily quota is used up. `retry_after` is in seconds from now."""

    def __init__(self, message: str, *, retry_after: float, cure: str = "") -> None:
        super().__init__(message, cure=cure)
        self.retry_after = retry_after


class Forbidden(SpotifireError):
    """Spotify refuses this for this app or this person."""


class ReconnectNeeded(SpotifireError):
    """The refresh token is dead (six months over, revoked, or never granted)."""


class TokenRefused(SpotifireError):
    """Spotify refuses the access token."""


class UnexpectedAnswer(SpotifireError):
    """Spotify calls our request wrong."""
