"""Polls every connected listener, each in a task of its own: one listener's trouble stops nobody else.

    Collector.run      watches the table of connections, starts and ends the tasks
    Listening          one listener: asks when it is time, backs off when it fails

A listener whose token is dead is not polled again before they connect again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog
from msgspec import Struct

from producers.spotify.client import SpotifyClient
from producers.spotify.health import ListenerHealth
from producers.spotify.library import LibraryPoller
from producers.spotify.listening import Listening
from producers.spotify.pacing import Blocks, Pace
from producers.spotify.playback import NowPlayingPoller
from producers.spotify.plays import RecentlyPlayedPoller
from producers.spotify.publishing import Publishes
from producers.spotify.settings import SpotifySettings
from producers.spotify.tokens import Tokens
from producers.spotify.vault import Vault
from streams.contracts.errors import StoreUnavailable
from streams.contracts.ports import Collected, Connection, Connections, Library

log = structlog.get_logger(__name__)


class CollectorSettings(Struct, frozen=True, kw_only=True):
    """How often. `watch_s`: seconds between two looks at the table of connections."""

    spotify: SpotifySettings
    pace: Pace = Pace()
    watch_s: float = 15.0


def now_ms() -> int:
    """Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Collector:
    """All connected listeners. Lives in the event loop that runs it; `health` may be read from any thread."""

    def __init__(
        self,
        settings: CollectorSettings,
        connections: Connections,
        collected: Collected,
        library: Library,
        publisher: Publishes,
        vault: Vault,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._collected = collected
        self._library = library
        self._publisher = publisher
        self._clock = clock
        self._tokens = Tokens(settings.spotify, connections, vault, clock)
        self._blocks = Blocks(clock)
        self._client = SpotifyClient(settings.spotify, self._tokens, self._blocks)
        self._listeners: dict[int, Listening] = {}
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Collect until cancelled. Raises nothing of one listener's; an unknown error of ours, it does."""
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        try:
            while True:
                self._wake.clear()
                try:
                    self._follow(await asyncio.to_thread(self._connections.all))
                except StoreUnavailable as error:
                    log.warning("collector.connections-unknown", error=error.one_line())
                try:
                    await asyncio.wait_for(self._wake.wait(), self._settings.watch_s)
                except TimeoutError:
                    continue
        finally:
            self._loop = self._wake = None
            stopping = [task for one in self._listeners.values() if (task := one.stop()) is not None]
            await asyncio.gather(*stopping, return_exceptions=True)

    def connections_changed(self) -> None:
        """Look at the table of connections now: after a connect or disconnect. Safe for threads."""
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            loop.call_soon_threadsafe(wake.set)

    def health(self) -> tuple[ListenerHealth, ...]:
        """Every connected listener, and those who must connect again."""
        return tuple(listener.health() for listener in list(self._listeners.values()))

    def told_to_wait(self) -> dict[str, int]:
        """How often Spotify asked for a pause since the start, by kind (Blocks.told). Safe for threads."""
        return self._blocks.told()

    def _follow(self, connections: Sequence[Connection]) -> None:
        granted = {one.listener: one for one in connections if one.state != "pending"}
        for gone in self._listeners.keys() - granted.keys():
            self._listeners.pop(gone).stop()
            self._tokens.forget(gone)
        for connection in granted.values():
            self._tokens.learn(connection)
            known = self._listeners.get(connection.listener)
            if known is None:
                known = self._listeners[connection.listener] = self._listening(connection.listener)
            known.follow(connection)

    def _listening(self, listener: int) -> Listening:
        client, publisher, clock, pace = self._client, self._publisher, self._clock, self._settings.pace
        return Listening(
            listener,
            pace,
            client,
            RecentlyPlayedPoller(listener, client, self._collected, publisher, clock),
            NowPlayingPoller(listener, client, publisher, clock),
            LibraryPoller(listener, pace, client, self._library, publisher, clock),
            clock,
        )
