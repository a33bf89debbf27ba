"""A running fake, a listener connected to it, and a publisher that goes straight into the pipeline."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from cryptography.fernet import Fernet
from msgspec import Struct

from producers.spotify.auth import Connector
from producers.spotify.client import SpotifyClient
from producers.spotify.fake.clock import ManualClock
from producers.spotify.fake.server import FakeSettings, FakeSpotify
from producers.spotify.pacing import Blocks
from producers.spotify.plays import RecentlyPlayedPoller
from producers.spotify.settings import SpotifySettings
from producers.spotify.tokens import Tokens
from producers.spotify.vault import Vault
from sinks.clickhouse import ClickHouse
from sinks.collected import CollectedSightings
from sinks.connections import ClickHouseConnections
from sinks.library import ClickHouseLibrary
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.contracts import codec
from streams.contracts.events import LibraryItem, PlaybackChanged, PlayRecorded
from streams.contracts.record import Record
from streams.contracts.topics import LIBRARY_ITEM, PLAY_RECORDED, Topic
from streams.pipeline import Pipeline
from tests.support.clickhouse import fresh_database

FAR = 4_294_967_295_000  # the last moment that an event may name: clocks of tests run ahead
REDIRECT = "http://127.0.0.1:8765/connect/callback"

MakeFake = Callable[..., FakeSpotify]


class MovingClock:
    """Unix ms UTC: real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def advance(self, seconds: float) -> None:
        self.ahead_ms += int(seconds * 1000)


class StraightIn:
    """Publishes into the real codec and the real pipeline, without a broker between them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.plays: list[PlayRecorded] = []
        self.playback: list[PlaybackChanged] = []
        self.library: list[LibraryItem] = []
        self.refused = 0
        self._waiting: list[Record] = []
        self._offset = 0

    async def publish(
        self, topic: Topic, event: Struct, *, key: str | None = None, import_id: str = "", origin: str = ""
    ) -> None:
        if isinstance(event, PlaybackChanged):
            self.playback.append(event)
            return
        if isinstance(event, LibraryItem):
            self.library.append(event)
            return
        assert topic is PLAY_RECORDED
        assert isinstance(event, PlayRecorded)
        self.plays.append(event)
        self._waiting.append(
            Record(
                topic=topic.name,
                partition=0,
                offset=self._offset,
                timestamp=event.published_at,
                key=event.listener.encode(),
                value=codec.encode(event),
                headers=codec.headers(),
            )
        )
        self._offset += 1

    async def publish_many(self, topic: Topic, keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> None:
        assert topic is LIBRARY_ITEM
        for key, value in zip(keys, values, strict=True):
            event = codec.decode_value(LibraryItem, value or b"", now=FAR)
            assert key == topic.key_of(event).encode()
            self.library.append(event)

    async def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.refused += (await asyncio.to_thread(self.pipeline.run, waiting)).refused


class Bench:
    """One fake and everything that is pointed at it. `clock` is ours, `music` the fake's."""

    def __init__(self, fake: FakeSpotify, music: ManualClock, clock: MovingClock, ch: ClickHouse) -> None:
        self.fake = fake
        self.music = music
        self.clock = clock
        self.ch = ch
        self.connections = ClickHouseConnections(ch)
        self.collected = CollectedSightings(ch)
        self.library = ClickHouseLibrary(ch)
        self.vault = Vault(Fernet.generate_key())
        self.settings = settings_for(fake)
        self.connector = Connector(self.settings, self.connections, self.vault, clock)
        self.tokens = Tokens(self.settings, self.connections, self.vault, clock)
        self.blocks = Blocks(clock)
        self.client = SpotifyClient(self.settings, self.tokens, self.blocks)

    def account(self, number: int = 0) -> str:
        return self.fake.settings.people[number].account_id

    def add(self, name: str = "Ada") -> int:
        return int(Listeners(self.ch).add(name, "Europe/Berlin").listener, 16)

    def connect(self, listener: int, number: int = 0) -> None:
        answer = self.fake.consent(self.connector.begin(listener), self.account(number))
        self.connector.callback(**answer)

    def poller(self, listener: int, publisher: StraightIn) -> RecentlyPlayedPoller:
        return RecentlyPlayedPoller(listener, self.client, self.collected, publisher, self.clock)

    def stored(self, listener: int) -> list[int]:
        sql = "SELECT sighting_id FROM sightings FINAL WHERE listener = {l:UInt64}"
        return [row[0] for row in self.ch.query(sql, {"l": listener})]


def settings_for(fake: FakeSpotify, **changed: Any) -> SpotifySettings:
    return SpotifySettings(
        **{
            "client_id": fake.settings.client_id,
            "client_secret": fake.settings.client_secret,
            "redirect_uri": REDIRECT,
            "accounts_url": fake.accounts_url,
            "api_url": fake.api_url,
            "timeout_s": 2.0,
            **changed,
        }
    )


def moments(fake: FakeSpotify, music: ManualClock, each: int = 3) -> list[tuple[str, int]]:
    """Times (Unix ms) ahead, ascending, at which a track, an episode, an ad and nothing plays, `each` often."""
    plays = fake.timeline(fake.settings.people[0].account_id).until(music() + 3 * 86_400_000)
    found: dict[str, list[int]] = {"track": [], "episode": [], "ad": [], "nothing": []}
    for play, after in itertools.pairwise(play for play in plays if play.start > music()):
        found[play.track.kind].append(play.start + 1_500)
        if after.start - play.end > 10_000:
            found["nothing"].append(play.end + 5_000)
    return sorted(((kind, at) for kind, times in found.items() for at in times[:each]), key=lambda pair: pair[1])


@pytest.fixture(scope="module")
def one_database(engine: ClickHouse) -> Iterator[ClickHouse]:
    """A database for a whole module, for tests that need no more of it than the connections."""
    with fresh_database() as ch:
        yield ch


@pytest.fixture
def no_connections(one_database: ClickHouse) -> ClickHouse:
    """The module's database, with nobody connected."""
    one_database.command("TRUNCATE TABLE connections")
    return one_database


@pytest.fixture
def music() -> ManualClock:
    return ManualClock(time.time_ns() // 1_000_000 - 20 * 86_400_000)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def make_fake(music: ManualClock, clock: MovingClock) -> Iterator[MakeFake]:
    """Start a fake; keywords are those of FakeSettings. All are stopped at the end."""
    with ExitStack() as running:

        def make(**changed: Any) -> FakeSpotify:
            settings = FakeSettings(**{"redirect_uris": (REDIRECT,), **changed})
            return running.enter_context(FakeSpotify(settings, music, lambda: clock() / 1000))

        yield make


@pytest.fixture
def bench(make_fake: MakeFake, music: ManualClock, clock: MovingClock, clickhouse: ClickHouse) -> Bench:
    """A calm fake."""
    return Bench(make_fake(), music, clock, clickhouse)


@pytest.fixture
def straight_in(store: Writer, reference: ClickHouseReference, clickhouse: ClickHouse) -> StraightIn:
    return StraightIn(Pipeline(store, reference))
