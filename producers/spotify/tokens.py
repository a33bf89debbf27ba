"""Access tokens of connected listeners: refreshed in time, one refresh at a time, never twice for a dead one.

A refresh token dies six months after the listener granted it, whatever is done with it (Spotify,
since July 2026). A dead one is thrown away at once: the connection's state becomes "reconnect",
and only the listener can mend that.
"""

from __future__ import annotations

import threading
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import structlog
from msgspec import Struct

from producers.spotify import oauth
from producers.spotify.errors import ReconnectNeeded
from producers.spotify.settings import SpotifySettings
from producers.spotify.vault import Vault
from streams.contracts.errors import StoreUnavailable
from streams.contracts.ids import to_hex
from streams.contracts.ports import Connection, Connections

log = structlog.get_logger(__name__)

MONTHS = 6
DAY_MS = 86_400_000
WARN_DAYS = (7, 30)
EARLY_MS = 60_000  # an access token is refreshed this long before it ends


class Access(Struct, frozen=True):
    """An access token, and the client id that its calls count for. `until` is Unix ms UTC."""

    client_id: str
    token: str
    until: int

    def __repr__(self) -> str:
        return f"Access(client_id={self.client_id!r}, until={self.until})"


class Tokens:
    """Hands out access tokens. Every method may block (network, store) and is safe for threads."""

    def __init__(
        self, settings: SpotifySettings, connections: Connections, vault: Vault, clock: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._vault = vault
        self._clock = clock
        self._guard = threading.Lock()
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._access: dict[int, Access] = {}
        self._known: dict[int, Connection] = {}  # as last read or written
        self._unsaved: dict[int, Connection] = {}  # the store was down: the newest truth is only here

    def learn(self, connection: Connection) -> None:
        """Take note of a connection as the store has it: after a new grant the old access token goes."""
        with self._lock(connection.listener):
            known = self._known.get(connection.listener)
            if connection.state != "connected" or (known and known.granted_at != connection.granted_at):
                self._access.pop(connection.listener, None)
            self._known[connection.listener] = connection

    def forget(self, listener: int) -> None:
        """Drop what is kept of a listener who is no longer connected."""
        with self._lock(listener):
            for kept in (self._access, self._known, self._unsaved):
                kept.pop(listener, None)

    def access(self, listener: int, refused: str = "") -> Access:
        """A valid access token; `refused` is one that Spotify did not take, so it is replaced.

        Raises ReconnectNeeded, SourceUnavailable, StoreUnavailable, UserError.
        """
        with self._lock(listener):
            self._save_unsaved(listener)
            access = self._access.get(listener)
            if access and access.token != refused and access.until > self._clock():
                return access
            return self._refresh(listener)

    def client_id(self, listener: int) -> str:
        """The client id that this listener's calls count for."""
        known = self._known.get(listener)
        return known.client_id if known else self._settings.client_id

    def _refresh(self, listener: int) -> Access:
        connection = self._current(listener)
        while True:
            if connection is None or connection.state != "connected" or not connection.refresh_token:
                raise ReconnectNeeded(
                    "This listener is not connected to Spotify.",
                    cure="Connect this listener to Spotify again.",
                )
            try:
                grant = oauth.refresh(self._settings_of(connection), self._vault.unlock(connection.refresh_token))
                break
            except ReconnectNeeded as error:
                # another process may have stored a newer token while this one used the old
                newer = self._current(listener)
                if newer is not None and newer.refresh_token != connection.refresh_token:
                    connection = newer
                    continue
                self._access.pop(listener, None)
                self._put(
                    msgspec.structs.replace(connection, state="reconnect", refresh_token="", detail=error.message)
                )
                log.warning("spotify.reconnect-needed", listener=to_hex(listener))
                raise
        access = Access(connection.client_id, grant.access_token, self._clock() + grant.expires_in * 1000 - EARLY_MS)
        self._access[listener] = access
        if grant.refresh_token:
            self._put(msgspec.structs.replace(connection, refresh_token=self._vault.lock(grant.refresh_token)))
        return access

    def _current(self, listener: int) -> Connection | None:
        if listener in self._unsaved:
            return self._unsaved[listener]
        try:
            connection = self._connections.get(listener)
        except StoreUnavailable:
            if listener not in self._known:
                raise
            return self._known[listener]  # Spotify can be asked though our own database is down
        if connection is not None:
            self._known[listener] = connection
        return connection

    def _put(self, connection: Connection) -> None:
        """Write a connection now, or with the next call when the store is down: a rotated token must not go."""
        self._known[connection.listener] = connection
        self._unsaved[connection.listener] = connection
        self._save_unsaved(connection.listener)

    def _save_unsaved(self, listener: int) -> None:
        connection = self._unsaved.get(listener)
        if connection is None:
            return
        try:
            stored = self._connections.get(listener)
            if stored is not None and stored.granted_at == connection.granted_at:
                self._connections.put(connection)
        except StoreUnavailable:
            log.warning("spotify.connection-not-saved-yet", listener=to_hex(listener))
            return  # kept, and tried again with the next call
        # a row with another grant is newer than ours; no row means that the listener disconnected
        del self._unsaved[listener]

    def _settings_of(self, connection: Connection) -> SpotifySettings:
        if connection.client_id == self._settings.client_id:
            return self._settings  # its secret may have been renewed since
        return msgspec.structs.replace(
            self._settings,
            client_id=connection.client_id,
            client_secret=self._vault.unlock(connection.client_secret),
        )

    def _lock(self, listener: int) -> threading.Lock:
        with self._guard:
            return self._locks[listener]


def expires_at(granted_at: int) -> int:
    """When a refresh token dies: six calendar months after the grant (both Unix ms UTC)."""
    granted = datetime.fromtimestamp(granted_at / 1000, UTC)
    month = granted.month - 1 + MONTHS
    year, month = granted.year + month // 12, month % 12 + 1
    day = min(granted.day, monthrange(year, month)[1])
    return int(granted.replace(year=year, month=month, day=day).timestamp() * 1000)


def expiry_warning(granted_at: int | None, now: int) -> str:
    """ "" while more than 30 days are left; else what to tell the listener (harder in the last 7 days)."""
    if granted_at is None:
        return ""
    left = expires_at(granted_at) - now
    day = datetime.fromtimestamp(expires_at(granted_at) / 1000, UTC).date().isoformat()
    if left <= 0:
        return f"The connection to Spotify ended on {day}: connect again."
    if left <= WARN_DAYS[0] * DAY_MS:
        return f"The connection to Spotify ends on {day}, in {left // DAY_MS} days: connect again now."
    if left <= WARN_DAYS[1] * DAY_MS:
        return f"The connection to Spotify ends on {day}: connect again before then."
    return ""
