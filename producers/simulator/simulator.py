"""The simulator: its listeners, its catalogue, their history, and what they play from now on."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence

from producers.simulator.catalogue import SimulatedArtist, Track, catalogue
from producers.simulator.days import Listening, hour_weight, live_play, local_days, plays_of_day
from producers.simulator.listeners import SimulatedListener, demo_listeners
from producers.simulator.taste import Taste, TasteOfDay
from streams.contracts import ids
from streams.contracts.events import DAY, Artist, ArtistDescribed, PlaybackChanged, PlayRecorded


def now_ms() -> int:
    """Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Simulator:
    """Everything that follows from a seed.

    `listeners` are the demonstration's eight; the methods take those of `population` as well.
    Two histories of one listener agree wherever they overlap, so publishing again adds nothing.
    """

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.listeners: tuple[SimulatedListener, ...] = demo_listeners(seed)
        self._tastes: dict[int, Taste] = {}

    @property
    def catalogue(self) -> tuple[SimulatedArtist, ...]:
        """The artists with their tracks."""
        return catalogue(self.seed)

    def artists(self) -> tuple[ArtistDescribed, ...]:
        """The artists as a catalogue describes them: what `Catalog.put_artists` takes."""
        return tuple(artist.described for artist in self.catalogue)

    def taste(self, listener: SimulatedListener) -> Taste:
        """Which tracks they like; a dozen are remembered."""
        found = self._tastes.get(listener.listener)
        if found is None:
            if len(self._tastes) >= 12:
                self._tastes.clear()
            found = self._tastes[listener.listener] = Taste(listener, self.catalogue)
        return found

    def history(
        self,
        listener: SimulatedListener,
        days: int,
        until_ms: int,
        *,
        published_at: int | None = None,
    ) -> list[PlayRecorded]:
        """The plays that ended in the `days` before `until_ms` (Unix milliseconds UTC), by time."""
        first_ms = until_ms - days * DAY
        listening = self._listening(listener, until_ms if published_at is None else published_at)
        plays = [
            play
            for day in local_days(listener, first_ms, until_ms)
            for play in plays_of_day(listening, day)
            if first_ms < play.reported_end <= until_ms
        ]
        plays.sort(key=lambda play: play.reported_end)
        return plays

    async def live(
        self,
        stop: asyncio.Event,
        *,
        listeners: Sequence[SimulatedListener] | None = None,
        plays_per_second: float = 1.0,
        clock: Callable[[], int] = now_ms,
    ) -> AsyncIterator[PlayRecorded | PlaybackChanged]:
        """What is played from now on, until `stop` is set, squeezed in time.

        A track begins with a PlaybackChanged and ends some seconds later with a PlayRecorded that
        is stamped with the moment and has the track's own length: so a listener's plays overlap,
        and hours of listening arrive in minutes. Who plays follows from the local hour and the
        habits, so shares (of the night, of skips, of the new) stay what was planted; only the
        number of plays grows faster.
        """
        crowd = list(self.listeners if listeners is None else listeners)
        rng = random.Random(f"live {self.seed} {clock()}")  # noqa: S311  a simulation
        playing: dict[int, Track] = {}
        while not stop.is_set():
            now = clock()
            weights = [hour_weight(listener, now) for listener in crowd]
            listener = rng.choices(crowd, weights)[0]
            listening = self._listening(listener, now)
            ended = playing.pop(listener.listener, None)
            if ended is not None:
                yield live_play(listening, ended, now, rng)
            if rng.random() < 0.06:
                yield PlaybackChanged(listener=listening.listener_hex, observed_at=now, is_playing=False)
            else:
                choice = listening.taste.day(now // DAY + 719_163, rng)  # the ordinal of 1970-01-01
                track = playing[listener.listener] = self._fresh(choice, rng)
                yield _playing(listening.listener_hex, track, now)
            await _pause(stop, 1 / plays_per_second)

    def _fresh(self, choice: TasteOfDay, rng: random.Random) -> Track:
        choice.found = int(rng.random() * 1_000)  # the day's discoveries in any order
        return choice.next()

    def _listening(self, listener: SimulatedListener, published_at: int) -> Listening:
        return Listening(listener, self.taste(listener), ids.to_hex(listener.listener), published_at)


def _playing(listener: str, track: Track, now: int) -> PlaybackChanged:
    return PlaybackChanged(
        listener=listener,
        observed_at=now,
        is_playing=True,
        uri=track.uri,
        title=track.title,
        artists=(Artist(track.artist, track.artist_id),),
        album=track.album,
        progress_ms=0,
        duration_ms=track.duration_ms,
    )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
