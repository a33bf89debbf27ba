"""One listener's collection: asks when it is time, backs off when it fails, says how it goes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from producers.spotify.client import SpotifyClient
from producers.spotify.errors import QuotaExceeded, ReconnectNeeded
from producers.spotify.health import ListenerHealth, State
from producers.spotify.library import LibraryPoller
from producers.spotify.pacing import Pace, after_failure, after_playback, after_plays, vary
from producers.spotify.playback import NowPlayingPoller
from producers.spotify.plays import RecentlyPlayedPoller
from producers.spotify.tokens import expires_at, expiry_warning
from streams.contracts.errors import SpotifireError, Unavailable
from streams.contracts.ids import to_hex
from streams.contracts.ports import Connection

log = structlog.get_logger(__name__)


class _Job:
    """One kind of poll: when it is due (Unix ms UTC) and how it goes."""

    def __init__(self, kind: str, poll: Callable[[], Awaitable[float]]) -> None:
        self.kind = kind
        self.poll = poll
        self.due = 0
        self.failures = 0
        self.error = ""


class Listening:
    """One listener's task and what is known of how it goes. Lives in one event loop."""

    def __init__(
        self,
        listener: int,
        pace: Pace,
        client: SpotifyClient,
        plays: RecentlyPlayedPoller,
        playback: NowPlayingPoller,
        library: LibraryPoller,
        clock: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._pace = pace
        self._client = client
        self._plays_poller = plays
        self._playback_poller = playback
        self._library_poller = library
        self._clock = clock
        self._dice = random.Random(listener)  # noqa: S311 (jitter, no secret)
        self._plays = _Job("recently-played", self._poll_plays)
        self._playback = _Job("now-playing", self._poll_playback)
        self._library = _Job("library", library.poll_once)
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._granted: int | None = None  # the grant that the task was started for
        self._scope: tuple[int | None, str] | None = None  # the grant that the library was told of
        self._dead = ""  # why the listener must connect again
        self._last_poll: int | None = None
        self._last_good: int | None = None
        self._is_playing = False
        self._published = self._gaps = self._calls = 0

    def follow(self, connection: Connection) -> None:
        """Start, go on or rest, as the connection says."""
        self._connection = connection
        if self._scope != (connection.granted_at, connection.scope):
            self._scope = (connection.granted_at, connection.scope)
            self._library_poller.granted(connection.scope)
            self._library.due = self._in(self._pace.library_first_s)
        if connection.state == "reconnect":
            self._dead = connection.detail or "This listener must connect to Spotify again."
        # not once for each grant: the task may still be ending with the one before
        elif self._task is None or (self._task.done() and self._granted != connection.granted_at):
            self._dead, self._granted = "", connection.granted_at
            for job in (self._plays, self._playback, self._library):
                job.due, job.failures, job.error = 0, 0, ""
            self._library.due = self._in(self._pace.library_first_s)
            self._task = asyncio.create_task(self._run(), name=f"collect-{to_hex(self._listener)}")

    def stop(self) -> asyncio.Task[None] | None:
        """Cancel the task; returns it, to be waited for."""
        if self._task is not None:
            self._task.cancel()
        return self._task

    def health(self) -> ListenerHealth:
        """How it goes at this moment."""
        granted = self._connection.granted_at if self._connection else None
        blocked = self._client.blocked_until(self._listener)
        return ListenerHealth(
            listener=to_hex(self._listener),
            client_id=self._connection.client_id if self._connection else "",
            state=self._state(blocked is not None),
            last_poll_at=self._last_poll,
            last_good_at=self._last_good,
            next_poll_at=None if self._dead else self._plays.due or None,
            last_error=self._dead or self._plays.error or self._playback.error,
            failures=max(self._plays.failures, self._playback.failures),
            blocked_until=blocked,
            token_expires_at=None if granted is None else expires_at(granted),
            warning=expiry_warning(granted, self._clock()),
            published=self._published,
            gaps=self._gaps,
            calls=self._calls,
            library=self._library_poller.health(self._library.error),
        )

    def _state(self, blocked: bool) -> State:
        if self._dead:
            return "reconnect"
        if blocked:
            return "blocked"
        if self._plays.error or self._playback.error:
            return "failing"
        return "starting" if self._last_good is None else "ok"

    async def _run(self) -> None:
        jobs = (self._plays, self._playback, self._library)
        try:
            while True:
                for job in jobs:
                    if self._clock() >= job.due:
                        pause = await self._attempt(job)
                        job.due = self._in(pause)
                await asyncio.sleep(max(0.0, (min(job.due for job in jobs) - self._clock()) / 1000))
        except ReconnectNeeded as error:  # never retried: only the listener can mend it
            self._dead = error.one_line()

    async def _poll_plays(self) -> float:
        polled = await self._plays_poller.poll_once()
        self._last_good = self._clock()
        self._published += polled.published
        self._gaps += polled.gap is not None
        age = None if polled.newest is None else (self._last_good - polled.newest) / 1000
        return after_plays(self._pace, 0.0 if self._is_playing else age)

    async def _poll_playback(self) -> float:
        seen = await self._playback_poller.poll_once()
        self._is_playing = seen.is_playing
        if not self._plays.failures:  # else its back-off, or what Spotify asked for, decides
            if seen.track_changed:
                self._plays.due = min(self._plays.due, self._in(self._pace.after_change_s))
            elif seen.is_playing:
                self._plays.due = min(self._plays.due, self._in(self._pace.active_s))
        return after_playback(self._pace, seen.is_playing, seen.remaining_s)

    async def _attempt(self, job: _Job) -> float:
        """Poll once; returns the seconds until the next time. Raises only ReconnectNeeded."""
        self._last_poll = self._clock()
        self._calls += 1
        try:
            pause = await job.poll()
        except ReconnectNeeded:
            raise
        except (Unavailable, QuotaExceeded) as error:
            return self._failed(job, error.one_line(), error.retry_after)
        except SpotifireError as error:
            return self._failed(job, error.one_line(), self._pace.retry_most_s)
        except Exception as error:
            # a fault of ours that one listener's data brings out: loud, and the others go on
            log.exception("collector.fault", listener=to_hex(self._listener), kind=job.kind)
            return self._failed(job, f"Our fault: {type(error).__name__}.", self._pace.retry_most_s)
        job.failures, job.error = 0, ""
        return vary(self._pace, pause, self._dice)

    def _failed(self, job: _Job, error: str, wait: float | None) -> float:
        job.failures += 1
        job.error = error
        log.warning("collector.failed", listener=to_hex(self._listener), kind=job.kind, error=error, wait_s=wait)
        pause = vary(self._pace, after_failure(self._pace, job.failures), self._dice)
        return pause if wait is None else max(pause, wait)

    def _in(self, seconds: float) -> int:
        return self._clock() + int(seconds * 1000) + 1
