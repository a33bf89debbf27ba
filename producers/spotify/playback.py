"""Now-playing: what a listener hears at this moment, published when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from producers.spotify.answers import NowPlaying
from producers.spotify.client import SpotifyClient
from producers.spotify.publishing import Publishes
from streams.contracts.events import PlaybackChanged
from streams.contracts.ids import to_hex
from streams.contracts.topics import PLAYBACK_CHANGED

SEEK_MS = 10_000  # a progress that is off by more was sought, or the track began anew


class Seen(Struct, frozen=True, kw_only=True):
    """What one poll saw. `remaining_s` is what is left of the track, None when it is not known."""

    is_playing: bool
    track_changed: bool
    remaining_s: float | None


class NowPlayingPoller:
    """Polls one listener. Not for use by two tasks at once."""

    def __init__(self, listener: int, client: SpotifyClient, publisher: Publishes, clock: Callable[[], int]) -> None:
        self._listener = listener
        self._client = client
        self._publisher = publisher
        self._clock = clock
        self._last: PlaybackChanged | None = None

    async def poll_once(self) -> Seen:
        """Ask once and publish a change. Raises what SpotifyClient raises, and BrokerUnavailable."""
        answer = await asyncio.to_thread(self._client.now_playing, self._listener)
        event = changed(self._listener, answer, self._clock())
        before = self._last
        if before is None or differs(before, event):
            await self._publisher.publish(PLAYBACK_CHANGED, event)
            await self._publisher.flush()
            self._last = event
        remaining = None
        if event.progress_ms is not None and event.duration_ms is not None:
            remaining = (event.duration_ms - event.progress_ms) / 1000
        return Seen(
            is_playing=event.is_playing,
            track_changed=before is not None and before.is_playing and before.uri != event.uri,
            remaining_s=remaining,
        )


def changed(listener: int, answer: NowPlaying, now: int) -> PlaybackChanged:
    """The event of an answer; it holds no track when nothing plays."""
    track = answer.track
    if not answer.is_playing or track is None:
        return PlaybackChanged(listener=to_hex(listener), observed_at=now, is_playing=False)
    return PlaybackChanged(
        listener=to_hex(listener),
        observed_at=now,
        is_playing=True,
        uri=track.uri,
        title=track.title,
        artists=track.artists,
        album=track.album,
        image_url=track.image_url,
        progress_ms=answer.progress_ms,
        duration_ms=track.duration_ms,
    )


def differs(before: PlaybackChanged, after: PlaybackChanged) -> bool:
    """Whether a watcher who saw `before`, and let it run on, would now see something else."""
    if (before.is_playing, before.uri) != (after.is_playing, after.uri):
        return True
    if not after.is_playing or before.progress_ms is None or after.progress_ms is None:
        return False
    expected = before.progress_ms + after.observed_at - before.observed_at
    return abs(after.progress_ms - expected) > SEEK_MS
