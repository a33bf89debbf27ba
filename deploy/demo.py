"""Demo listeners: there while nobody real is, gone from the stage once somebody is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from deploy.parts import first_ending
from deploy.storage import Storage
from producers.library import Seen, synchronise
from producers.simulator.library import DAYS as HISTORY_DAYS
from producers.simulator.library import library_of
from producers.simulator.listeners import SimulatedListener
from producers.simulator.produce import produce_history, produce_live
from producers.simulator.simulator import Simulator, now_ms
from sinks.reader import ListenerRow
from streams.contracts import ids
from streams.contracts.errors import SpotifireError
from streams.contracts.events import DAY
from streams.contracts.ports import LibraryEntry, Shelf
from streams.enrich.genre import decide
from streams.publisher import Publisher

SEED = 1
DAYS = 60
PLAYS_A_SECOND = 0.7
LOOK = 2.0  # seconds between two looks at who is real
LOOK_AT_LIBRARIES = 3_600.0  # seconds between two looks at which is a day old

log = structlog.get_logger(__name__)


class Demo:
    """The demonstration of one instance. `always`: beside real listeners too."""

    def __init__(self, storage: Storage, publisher: Publisher, *, always: bool) -> None:
        self._storage = storage
        self._publisher = publisher
        self._always = always
        self._simulator = Simulator(SEED)
        self._ended, self._gone = asyncio.Event(), asyncio.Event()
        self._running = False

    def listeners(self) -> Sequence[ListenerRow]:
        """Everyone who is stored."""
        return self._storage.reader.listeners()

    def wanted(self) -> bool:
        """Whether nobody real is there, or it was asked for."""
        return self._always or all(row.is_demo for row in self.listeners())

    def settle_in(self) -> None:
        """Store the demo listeners and their artists where they are not there yet."""
        there = {row.listener for row in self.listeners()}
        for listener in self._simulator.listeners:
            if ids.to_hex(listener.listener) not in there:
                self._storage.listeners.put(listener.settings)
        artists = self._simulator.artists()
        self._storage.catalog.put_artists(artists, [decide(artist.genres) for artist in artists])

    async def run(self) -> None:
        """As `play`; an error of ours ends the demonstration and nothing else."""
        try:
            await self.play()
        except SpotifireError as error:
            log.warning("demo ended by an error", error=error.one_line())

    async def play(self) -> None:
        """History where there is none, then plays that arrive, until somebody real is there.

        Raises what the database and the publisher raise.
        """
        if not await asyncio.to_thread(self.wanted):
            return
        self._running = True
        try:
            await asyncio.to_thread(self.settle_in)
            await first_ending(self._ended.wait, self._past, self._play_on, self._libraries, self._watch)
        finally:
            self._gone.set()

    async def end(self) -> None:
        """Publish nothing more, and return when all that was published is stored."""
        self._ended.set()
        if self._running:
            await self._gone.wait()
        await self._publisher.settled()

    async def _past(self) -> None:
        without = [
            one for one in self._simulator.listeners if not await asyncio.to_thread(self._has_plays, one.listener)
        ]
        if without:
            published = await produce_history(self._publisher, self._simulator, DAYS, listeners=without)
            log.info("demo history published", plays=published)
        await self._ended.wait()  # this act is over, and the others go on

    async def _libraries(self) -> None:
        """Each listener's library, once a day."""
        while True:
            for listener in self._simulator.listeners:
                await self._library(listener)
            await asyncio.sleep(LOOK_AT_LIBRARIES)

    async def _library(self, listener: SimulatedListener) -> None:
        store, now = self._storage.library, now_ms()
        looks = await asyncio.to_thread(store.looks, listener.listener)
        if looks and now - min(look.looked_at for look in looks.values()) < DAY:
            return
        for shelf, entries in (await asyncio.to_thread(self._shelves, listener, now)).items():
            # the history that it is derived from begins later every day, and yet nothing is saved anew
            stood = await asyncio.to_thread(store.standing, listener.listener, shelf)
            listed = [msgspec.structs.replace(one, added_at=stood.get(one.item) or one.added_at) for one in entries]
            seen = Seen(listed=listed, whole=True, looked_at=now, whole_at=now, total=len(listed))
            await synchronise(store, self._publisher, listener.listener, shelf, seen)

    def _shelves(self, listener: SimulatedListener, now: int) -> Mapping[Shelf, list[LibraryEntry]]:
        plays = self._simulator.history(listener, HISTORY_DAYS, now)
        return library_of(listener, plays, self._simulator.catalogue, now)

    async def _play_on(self) -> None:
        await produce_live(self._publisher, self._simulator, self._ended, plays_per_second=PLAYS_A_SECOND)

    def _has_plays(self, listener: int) -> bool:
        return bool(self._storage.reader.recent(listener, limit=1))

    async def _watch(self) -> None:
        """Somebody real came, or the demo listeners are gone."""
        ours = {ids.to_hex(listener.listener) for listener in self._simulator.listeners}
        while True:
            await asyncio.sleep(LOOK)
            there = {row.listener for row in await asyncio.to_thread(self.listeners)}
            if not there & ours or not await asyncio.to_thread(self.wanted):
                log.info("demo ended")
                return
