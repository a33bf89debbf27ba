"""Who has an account at the fake, which app may ask for them, and the tokens that were given."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable

from msgspec import Struct

from producers.spotify.fake.world import Habits

HOUR_S = 3_600
CODE_S = 600
SIX_MONTHS_S = 182 * 86_400


class Person(Struct, frozen=True, kw_only=True):
    """An account. `allowed`: on the app's list of at most five users."""

    account_id: str
    user_id: str
    name: str
    habits: Habits = Habits()
    allowed: bool = True


class App(Struct, frozen=True, kw_only=True):
    """A registered app, in development mode. Redirect addresses must match exactly."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    owner_has_premium: bool = True


class Asked(Struct, frozen=True, kw_only=True):
    """What a person was asked to grant."""

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str


class Given(Struct, frozen=True, kw_only=True):
    """A code or token that was given out. Times are Unix seconds."""

    account_id: str
    asked: Asked
    until: float
    granted_at: float


class Refused(Exception):
    """An OAuth error: `error` and `error_description` of the answer."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class Tokens:
    """Codes, access tokens and refresh tokens. `clock` gives Unix seconds. Safe for threads."""

    def __init__(self, app: App, clock: Callable[[], float]) -> None:
        self._app = app
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, Given] = {}
        self._access: dict[str, Given] = {}
        self._refresh: dict[str, Given] = {}

    def new_code(self, account_id: str, asked: Asked) -> str:
        """A code, good once and for ten minutes."""
        now = self._clock()
        with self._lock:
            code = secrets.token_urlsafe(48)
            self._codes[code] = Given(account_id=account_id, asked=asked, until=now + CODE_S, granted_at=now)
            return code

    def exchange(
        self, code: str, redirect_uri: str, client_id: str, verifier: str, has_secret: bool
    ) -> dict[str, object]:
        """The answer to grant_type=authorization_code. Raises Refused."""
        with self._lock:
            given = self._codes.pop(code, None)  # whatever follows, it is used up
            if given is None or given.until < self._clock():
                raise Refused("invalid_grant", "Invalid authorization code")
            if given.asked.client_id != client_id or given.asked.redirect_uri != redirect_uri:
                raise Refused("invalid_grant", "Invalid redirect URI")
            if given.asked.challenge or not has_secret:
                digest = hashlib.sha256(verifier.encode()).digest()
                made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                if not verifier or not hmac.compare_digest(made, given.asked.challenge):
                    raise Refused("invalid_grant", "code_verifier was incorrect")
            return self._answer(given, new_refresh=True)

    def refresh(self, token: str, client_id: str, has_secret: bool, rotate: bool) -> dict[str, object]:
        """The answer to grant_type=refresh_token. Raises Refused.

        Without a secret (PKCE) each refresh brings a new refresh token and ends the old one.
        """
        with self._lock:
            given = self._refresh.get(token)
            if given is None or given.asked.client_id != client_id:
                raise Refused("invalid_grant", "Invalid refresh token")
            if self._clock() >= given.granted_at + SIX_MONTHS_S:
                raise Refused("invalid_grant", "Refresh token expired")
            new = rotate or not has_secret
            if new:
                del self._refresh[token]
            return self._answer(given, new_refresh=new)

    def holder(self, token: str) -> Given | None:
        """Whose access token it is, expired or not."""
        with self._lock:
            return self._access.get(token)

    def end(self, token: str) -> None:
        """Let an access token die before its time."""
        with self._lock:
            given = self._access[token]
            self._access[token] = Given(
                account_id=given.account_id, asked=given.asked, until=0, granted_at=given.granted_at
            )

    def revoke(self, account_id: str) -> None:
        """The person withdraws what was granted: every token of theirs is dead."""
        with self._lock:
            for tokens in (self._access, self._refresh):
                for token in [t for t, given in tokens.items() if given.account_id == account_id]:
                    del tokens[token]

    def living(self) -> dict[str, Given]:
        """The refresh tokens that live, to be remembered."""
        with self._lock:
            return dict(self._refresh)

    def restore(self, living: dict[str, Given]) -> None:
        """Let refresh tokens of before live on."""
        with self._lock:
            self._refresh.update(living)

    def _answer(self, given: Given, *, new_refresh: bool) -> dict[str, object]:
        access = secrets.token_urlsafe(64)
        self._access[access] = Given(
            account_id=given.account_id,
            asked=given.asked,
            until=self._clock() + HOUR_S,
            granted_at=given.granted_at,
        )
        answer: dict[str, object] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": HOUR_S,
            "scope": given.asked.scope,
        }
        if new_refresh:
            refresh = secrets.token_urlsafe(64)
            self._refresh[refresh] = given
            answer["refresh_token"] = refresh
        return answer
