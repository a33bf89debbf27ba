"""The library: each list once a day, a page a call, so that plays are asked for between two pages.

When a list was last looked at stands in ClickHouse (ports.Library), so a restart asks nothing again.
Saved tracks come newest first: a first page of known ones and a total to match is the whole look;
once a week they are read to the end all the same. See walk.py for what a reading may conclude.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

import structlog

from producers.library import SHELVES, Seen, synchronise
from producers.spotify.client import SpotifyClient
from producers.spotify.errors import Forbidden, UnexpectedAnswer
from producers.spotify.health import LibraryHealth
from producers.spotify.pacing import Pace, vary
from producers.spotify.publishing import Publishes
from producers.spotify.walk import Walk
from streams.contracts.errors import SpotifireError
from streams.contracts.events import LibraryKind
from streams.contracts.ids import to_hex
from streams.contracts.ports import Library, Look, Shelf

log = structlog.get_logger(__name__)

SCOPE_OF: Mapping[LibraryKind, str] = {
    "saved-track": "user-library-read",
    "followed-artist": "user-follow-read",
    "top-artist": "user-top-read",
    "top-track": "user-top-read",
}
WALK_MS = 3_600_000  # a reading that was held up goes on where it stood, but not after longer


class LibraryPoller:
    """Polls one listener. Not for use by two tasks at once."""

    def __init__(
        self,
        listener: int,
        pace: Pace,
        client: SpotifyClient,
        library: Library,
        publisher: Publishes,
        clock: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._pace = pace
        self._client = client
        self._library = library
        self._publisher = publisher
        self._clock = clock
        self._scope = ""
        self._looks: dict[Shelf, Look] | None = None
        self._walk: Walk | None = None
        self._went_on = 0  # when its last page came, Unix ms UTC
        self._rests: dict[Shelf, tuple[int, str]] = {}  # refused: until when (Unix ms UTC), and why
        self._told = 0  # when what lacks was logged last

    def granted(self, scope: str) -> None:
        """Take note of a grant. "" is one that is not known: then Spotify says what lacks."""
        self._scope, self._rests, self._told = scope, {}, 0

    def health(self, error: str) -> LibraryHealth:
        """How it goes at this moment; `error` is that of the last call."""
        looks = self._looks or {}
        return LibraryHealth(
            lists=len(looks),
            looked_at=min((look.looked_at for look in looks.values()), default=None),
            lacking=self._lacking(),
            error=error or next((why for _, why in self._rests.values()), ""),
        )

    async def poll_once(self) -> float:
        """Ask for one page at most; returns the seconds until the next call.

        Raises what SpotifyClient raises, but for Forbidden and UnexpectedAnswer (the list rests for a
        day), BrokerUnavailable and StoreUnavailable: then it goes on with the same page.
        """
        if self._looks is None:
            self._looks = dict(await asyncio.to_thread(self._library.looks, self._listener))
        walk = self._walk
        if walk is None or self._clock() - self._went_on > WALK_MS:
            self._tell_what_lacks()
            due = {shelf: self._due(shelf, self._looks) for shelf in SHELVES if self._is_granted(shelf)}
            shelf = min(due, key=lambda one: due[one], default=None)
            if shelf is None:
                return self._pace.library_s
            if due[shelf] > self._clock():
                return (due[shelf] - self._clock()) / 1000
            walk = self._walk = await self._begin(shelf, self._looks.get(shelf))
            self._went_on = self._clock()
        try:
            if not walk.over:  # else it could not be stored the last time
                ask = self._client.library_page
                walk.take(await asyncio.to_thread(ask, self._listener, walk.shelf, walk.offset, walk.after))
                self._went_on = self._clock()
        except (Forbidden, UnexpectedAnswer) as error:
            self._rest(walk.shelf, error)
            self._walk = None
        else:
            if walk.over:
                await self._conclude(walk, self._looks)
        return self._pace.library_page_s

    async def _begin(self, shelf: Shelf, look: Look | None) -> Walk:
        now = self._clock()
        if shelf.kind == "saved-track" and look and now - look.whole_at < self._pace.library_whole_s * 1000:
            known = await asyncio.to_thread(self._library.standing, self._listener, shelf)
            return Walk(shelf, known=known, look=look)
        return Walk(shelf)

    async def _conclude(self, walk: Walk, looks: dict[Shelf, Look]) -> None:
        """Store and publish what was read, or begin to read once more."""
        whole = not walk.stopped_early and walk.is_whole
        if not whole and not walk.stopped_early and walk.before is None:
            self._walk = Walk(walk.shelf, before=walk)
            return
        now = self._clock()
        # a reading that was not believed twice: what came is stored, and the next look reads all again
        whole_at = now if whole else looks[walk.shelf].whole_at if walk.stopped_early else 0
        seen = Seen(listed=walk.entries, whole=whole, looked_at=now, whole_at=whole_at, total=walk.total or 0)
        changes = await synchronise(self._library, self._publisher, self._listener, walk.shelf, seen)
        looks[walk.shelf] = Look(looked_at=now, whole_at=whole_at, total=seen.total)
        self._rests.pop(walk.shelf, None)
        self._walk = None
        log.info(
            "library.looked",
            listener=to_hex(self._listener),
            kind=walk.shelf.kind,
            range=walk.shelf.time_range,
            items=len(seen.listed),
            changes=changes,
            whole=whole,
        )

    def _due(self, shelf: Shelf, looks: Mapping[Shelf, Look]) -> int:
        if shelf in self._rests:
            return self._rests[shelf][0]
        look = looks.get(shelf)
        if look is None:
            return 0
        dice = random.Random(f"{self._listener} {shelf} {look.looked_at}")  # noqa: S311 (jitter, no secret)
        return look.looked_at + int(vary(self._pace, self._pace.library_s, dice) * 1000)

    def _rest(self, shelf: Shelf, error: SpotifireError) -> None:
        log.warning("library.refused", listener=to_hex(self._listener), kind=shelf.kind, error=error.one_line())
        self._rests[shelf] = (self._clock() + int(self._pace.library_s * 1000), error.one_line())

    def _is_granted(self, shelf: Shelf) -> bool:
        return not self._scope or SCOPE_OF[shelf.kind] in self._scope.split()

    def _lacking(self) -> tuple[str, ...]:
        return tuple(sorted({SCOPE_OF[shelf.kind] for shelf in SHELVES if not self._is_granted(shelf)}))

    def _tell_what_lacks(self) -> None:
        lacking, now = self._lacking(), self._clock()
        if lacking and now - self._told >= self._pace.library_s * 1000:
            self._told = now
            log.warning("library.not-granted", listener=to_hex(self._listener), scopes=" ".join(lacking))
