"""Connecting a listener to Spotify: `begin` gives the address, `callback` takes what comes back.

The `state` is ours: 256 random bits, good for one call-back within ten minutes, for the listener
it was made for and nobody else. Pending connections live in memory alone: after a restart the
person starts again, and a database leak holds none.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable

from msgspec import Struct

from producers.spotify import oauth
from producers.spotify.client import account_of
from producers.spotify.errors import TokenRefused
from producers.spotify.settings import NEEDED, SCOPES, SpotifySettings
from producers.spotify.vault import Vault
from streams.contracts.errors import SourceUnavailable, UserError
from streams.contracts.ports import Connection, Connections

PENDING_MS = 10 * 60_000
PENDING_MOST = 64  # the oldest goes first
LONGEST = 4096  # characters that a call-back's parameter may have

_AGAIN = "Start the connection again."


class Connected(Struct, frozen=True, kw_only=True):
    """The end of a successful connection, for whoever answers the call-back."""

    listener: int
    account_id: str
    account_name: str  # as the person calls themselves on Spotify; show it, store it nowhere


class _Pending(Struct, frozen=True):
    listener: int
    state: str
    verifier: str
    until: int


class Connector:
    """One Spotify app's connect flow. Methods block (network, store) and are safe for threads."""

    def __init__(
        self, settings: SpotifySettings, connections: Connections, vault: Vault, clock: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._vault = vault
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: list[_Pending] = []

    def begin(self, listener: int) -> str:
        """The address on which the person grants access. Raises UserError when no app is set up."""
        if not self._settings.client_id:
            raise UserError(
                "No Spotify app is set up: the client id is missing.",
                cure="Create an app in Spotify's developer dashboard and set its client id.",
            )
        oauth.check_redirect(self._settings.redirect_uri)
        state = secrets.token_urlsafe(32)
        url, verifier = oauth.authorize_url(self._settings, state)
        with self._lock:
            now = self._clock()
            live = [pending for pending in self._pending if pending.until > now]
            live.append(_Pending(listener, state, verifier, now + PENDING_MS))
            self._pending = live[-PENDING_MOST:]
        return url

    def callback(self, state: str, code: str = "", error: str = "") -> Connected:
        """Finish what `begin` began, with the query that Spotify sent the browser back with.

        Raises UserError for everything that the person can mend by starting again, Forbidden when
        Spotify does not admit this person, SourceUnavailable when it cannot be reached,
        StoreUnavailable when the connection cannot be stored.
        """
        pending = self._take(state)
        if error:
            said = "access was denied" if error == "access_denied" else error[:100]
            raise UserError(f"Spotify did not grant access: {said}.", cure=_AGAIN)
        if not code or len(code) > LONGEST:
            raise UserError("Spotify's answer holds no code.", cure=_AGAIN)
        granted_at = self._clock()
        grant = oauth.exchange(self._settings, code, pending.verifier)
        scope = grant.scope or " ".join(SCOPES)  # OAuth: silence means that it is as asked
        missing = sorted(set(NEEDED) - set(scope.split()))  # without the others only the library is not collected
        if missing:
            raise UserError(
                f"Spotify granted too little: {', '.join(missing)} is missing.",
                cure="Start the connection again, and agree to all that is asked.",
            )
        if not grant.refresh_token:
            raise UserError("Spotify gave no lasting access (no refresh token).", cure=_AGAIN)
        try:
            account = account_of(self._settings, grant.access_token)
        except TokenRefused as refused:
            raise SourceUnavailable("Spotify refuses a token that it has just given.", cure=_AGAIN) from refused
        self._refuse_mix_up(pending.listener, account.account_id)
        self._connections.put(
            Connection(
                listener=pending.listener,
                client_id=self._settings.client_id,
                client_secret=self._vault.lock(self._settings.client_secret),
                refresh_token=self._vault.lock(grant.refresh_token),
                account_id=account.account_id,
                scope=scope,
                granted_at=granted_at,
                state="connected",
            )
        )
        return Connected(listener=pending.listener, account_id=account.account_id, account_name=account.name)

    def _take(self, state: str) -> _Pending:
        """The pending connection of that state, which is thereby used up. Raises UserError."""
        given = state[:LONGEST].encode("utf-8", "surrogatepass")
        now = self._clock()
        with self._lock:
            # every one is compared, in constant time, so that no timing tells how near a guess was
            found = [p for p in self._pending if hmac.compare_digest(p.state.encode(), given)]
            self._pending = [p for p in self._pending if p not in found and p.until > now]
        if not found or found[0].until <= now:
            raise UserError(
                "This answer belongs to no connection that was begun here in the last ten minutes.",
                cure=_AGAIN,
            )
        return found[0]

    def _refuse_mix_up(self, listener: int, account_id: str) -> None:
        for other in self._connections.all():
            if other.listener == listener and other.account_id not in ("", account_id):
                raise UserError(
                    "This is another Spotify account than the one this listener was connected to before.",
                    cure="Sign out on spotify.com and use the first account, or add another listener.",
                )
            if other.listener != listener and other.account_id == account_id and other.state != "pending":
                raise UserError(
                    "This Spotify account is already connected to another listener.",
                    cure="Disconnect that one first, or sign in to Spotify with the right account.",
                )
