"""Connections to Spotify that were begun here and wait for the person to agree.

Each attempt has a Connector of its own, for the Spotify app that it names; the state in the address
that it made says which of them an answer belongs to.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from producers.spotify.auth import PENDING_MS, Connected, Connector
from streams.contracts.errors import SpotifireError, UserError

KEPT = 64

ConnectorFor = Callable[[str, str], Connector]
"""(client id, client secret or "") -> a connector of that Spotify app."""


@dataclass
class _Begun:
    connector: Connector
    listener: int
    until: float
    failed: str = ""


class Connecting:
    """Begins and finishes connections. Blocks, and is safe for threads."""

    def __init__(self, connector_for: ConnectorFor, clock: Callable[[], float] = time.monotonic) -> None:
        self._connector_for, self._clock = connector_for, clock
        self._begun: OrderedDict[str, _Begun] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, listener: int, client_id: str, client_secret: str) -> str:
        """The address where the person agrees. Raises UserError for a client id that cannot be."""
        connector = self._connector_for(client_id, client_secret)
        url = connector.begin(listener)
        state = parse_qs(urlsplit(url).query).get("state", [""])[0]
        with self._lock:
            self._begun[state] = _Begun(connector, listener, self._clock() + PENDING_MS / 1000)
            while len(self._begun) > KEPT:
                self._begun.popitem(last=False)
        return url

    def finish(self, state: str, code: str, error: str) -> Connected:
        """What Spotify sent the browser back with. Raises UserError and what Connector.callback raises."""
        with self._lock:
            begun = self._begun.get(state)
        if begun is None:
            raise UserError(
                "This answer belongs to no connection that was begun here in the last ten minutes.",
                cure="Start the connection again.",
            )
        try:
            connected = begun.connector.callback(state, code, error)
        except SpotifireError as failure:
            begun.failed = failure.one_line()
            raise
        with self._lock:
            # with what the same person began before and left: else they would seem to wait still
            done = [state for state, other in self._begun.items() if other.listener == begun.listener]
            for finished in done:
                del self._begun[finished]
        return connected

    def waiting(self, listener: int) -> tuple[bool, str]:
        """Whether the listener's newest attempt still waits, and else why it failed ("" if it did not)."""
        with self._lock:
            mine = [begun for begun in self._begun.values() if begun.listener == listener]
        if not mine:
            return False, ""
        newest = mine[-1]
        return not newest.failed and newest.until > self._clock(), newest.failed
