"""Recently-played: from the last 50 plays that Spotify shows to events that were not there before.

What was collected is asked of ClickHouse (ports.Collected), so a poller that was killed at any
point goes on where its rows end: it publishes oldest first, and whatever it publishes twice has
the same id and is stored once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from msgspec import Struct

from producers.spotify.answers import HeardPlay
from producers.spotify.client import SpotifyClient
from producers.spotify.publishing import Publishes
from streams.contracts.errors import StoreUnavailable
from streams.contracts.events import PlayRecorded
from streams.contracts.ids import sighting_id, to_hex
from streams.contracts.ports import Collected
from streams.contracts.sources import RECENTLY_PLAYED
from streams.contracts.topics import PLAY_RECORDED

log = structlog.get_logger(__name__)

REMEMBERED = 500  # ids of plays that were sent and may not be in the store yet: ten pages


class Polled(Struct, frozen=True, kw_only=True):
    """What one poll brought. `newest` is the newest play's time (Unix ms UTC), None for an empty list."""

    published: int
    listed: int
    unreadable: int
    newest: int | None
    gap: tuple[int, int] | None  # plays may be missing between these two times


class RecentlyPlayedPoller:
    """Polls one listener. Not for use by two tasks at once."""

    def __init__(
        self,
        listener: int,
        client: SpotifyClient,
        collected: Collected,
        publisher: Publishes,
        clock: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._client = client
        self._collected = collected
        self._publisher = publisher
        self._clock = clock
        self._newest: int | None = None  # the newest play that recently-played gave before
        self._resumed = False  # whether the store was asked for it
        self._sent: dict[int, None] = {}  # ids in the order in which they were sent
        self._unnoted: list[tuple[int, int]] = []  # gaps seen while the store was down

    async def poll_once(self) -> Polled:
        """Ask once, publish what is new, return when the broker has it.

        Raises what SpotifyClient raises, BrokerUnavailable, and StoreUnavailable when the store
        was never reached since the start. Later on the store may be down: Kafka takes the plays.
        """
        if not self._resumed:
            newest = await asyncio.to_thread(self._collected.newest_end, self._listener, RECENTLY_PLAYED)
            self._newest, self._resumed = newest, True
        page = await asyncio.to_thread(self._client.recently_played, self._listener)
        if page.unreadable:
            log.warning("spotify.unreadable-plays", listener=to_hex(self._listener), items=page.unreadable)
        if not page.plays:
            await self._note_gaps()
            return Polled(published=0, listed=0, unreadable=page.unreadable, newest=None, gap=None)
        oldest, newest = page.plays[0].played_at, page.plays[-1].played_at
        gap = gap_before(self._newest, oldest, page.full)
        if gap is not None:
            self._unnoted.append(gap)
            log.warning("spotify.gap", listener=to_hex(self._listener), start=gap[0], end=gap[1])
        # before the plays, whose rows would hide the gap from a poller that starts after a kill
        await self._note_gaps()
        published = await self._publish_new(page.plays)
        self._newest = max(self._newest or 0, newest)
        return Polled(
            published=published,
            listed=len(page.plays),
            unreadable=page.unreadable,
            newest=newest,
            gap=gap,
        )

    async def _publish_new(self, plays: tuple[HeardPlay, ...]) -> int:
        now = self._clock()
        events = {sighting_id_of(self._listener, play): play for play in plays}
        unsent = [one for one in events if one not in self._sent]
        if not unsent:
            return 0
        try:
            stored = await asyncio.to_thread(
                self._collected.ids_since, self._listener, RECENTLY_PLAYED, plays[0].played_at
            )
        except StoreUnavailable:
            stored = set()  # sent again at worst, and known by its id
        new = [one for one in unsent if one not in stored]
        for one in new:
            await self._publisher.publish(PLAY_RECORDED, recorded(self._listener, events[one], now))
        if new:
            await self._publisher.flush()
        self._sent.update(dict.fromkeys(unsent))
        for one in list(self._sent)[:-REMEMBERED]:
            del self._sent[one]
        return len(new)

    async def _note_gaps(self) -> None:
        while self._unnoted:
            start, end = self._unnoted[0]
            try:
                await asyncio.to_thread(self._collected.note_gap, self._listener, RECENTLY_PLAYED, start, end)
            except StoreUnavailable:
                return  # noted with the next poll
            self._unnoted.pop(0)


def gap_before(newest_before: int | None, oldest: int, full: bool) -> tuple[int, int] | None:
    """Where plays may be missing: a full page whose oldest play is newer than the newest given before.

    Nothing was given before the first sync, and a page that is not full holds all that there is.
    """
    if newest_before is None or not full or oldest <= newest_before:
        return None
    return newest_before, oldest


def sighting_id_of(listener: int, play: HeardPlay) -> int:
    """The sighting id that the worker will give this play."""
    track = play.track
    artist = track.artists[0].name if track.artists else ""
    return sighting_id(listener, RECENTLY_PLAYED, play.played_at, track.uri, artist, track.title, None)


def recorded(listener: int, play: HeardPlay, now: int) -> PlayRecorded:
    """The event of a play. How long it was heard is not said, so `ms_played` stays unknown."""
    track = play.track
    return PlayRecorded(
        listener=to_hex(listener),
        source=RECENTLY_PLAYED,
        reported_end=play.played_at,
        published_at=now,
        duration_ms=track.duration_ms,
        uri=track.uri,
        title=track.title,
        artists=track.artists,
        album=track.album,
        album_uri=track.album_uri,
        image_url=track.image_url,
        isrc=track.isrc,
        release_date=track.release_date,
        explicit=track.explicit,
    )
