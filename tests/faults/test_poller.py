"""kill -9 of the collector while it polls: the same ids as if it had never died."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from producers.spotify.auth import Connector
from producers.spotify.fake.clock import ManualClock
from producers.spotify.fake.server import FakeSettings, FakeSpotify
from producers.spotify.fake.world import FakePlay
from producers.spotify.settings import SpotifySettings
from producers.spotify.vault import Vault
from sinks.connections import ClickHouseConnections
from streams.contracts import ids, sources
from tests.faults.conftest import Scene
from tests.faults.world import Play, Record
from tests.support.fleet import COLLECTOR, Process, wait

pytestmark = [pytest.mark.apache_kafka, pytest.mark.timeout(900)]

REDIRECT = "http://127.0.0.1:8765/connect/callback"
RECENT = "/v1/me/player/recently-played"
STEP_S = 900.0  # of music between two kills: a few plays, so that a page of 50 reaches back over many kills


def now_ms() -> int:
    """Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


def record_of(listener: int, play: FakePlay) -> Record:
    """The sighting that recently-played makes of a play."""
    track, source = play.track, sources.RECENTLY_PLAYED
    artist = track.artists[0].name
    sighting = ids.sighting_id(listener, source, play.played_at, track.uri, artist, track.name, None)
    shown = Play(listener, artist, track.name, duration_ms=track.duration_ms)
    return Record(listener, sighting, b"", shown, play.played_at, sources.RANK[source], None)


def test_collector_killed(scene: Scene, short: bool) -> None:
    kills = 2 if short else 20
    dice, fleet = scene.dice, scene.fleet
    fleet.start()
    music = ManualClock(now_ms() - 20 * 86_400_000)
    key = scene.folder / "key"
    key.write_bytes(Fernet.generate_key())
    with FakeSpotify(FakeSettings(redirect_uris=(REDIRECT,), seed=dice.getrandbits(30)), music) as fake:
        accounts = connect(scene, fake, key)
        at = ["--kafka", scene.wire.bootstrap, "--clickhouse", scene.clickhouse.url]
        environment = {
            "SPOTIFIRE_DATABASE": scene.fleet.database,
            "SPOTIFIRE_KEY_FILE": str(key),
            "SPOTIFIRE_SPOTIFY_ACCOUNTS_URL": fake.accounts_url,
            "SPOTIFIRE_SPOTIFY_API_URL": fake.api_url,
        }
        module = [*COLLECTOR, *at, "--data", str(scene.folder / "collector")]

        def whole(collector: Process) -> None:
            wait(
                lambda: not missing(scene, fake, accounts, music()),
                f"seed {scene.seed}: not all was collected",
                lambda: f"{missing(scene, fake, accounts, music())}\n{collector.said()}",
            )

        for number in range(kills + 2):
            asked, known = polls(fake), scene.wire.total()
            collector = Process(scene.folder / "collector.output", module, environment)
            try:
                if number in (0, kills + 1):
                    # the oldest of the first page would fall off Spotify's list before the next poll
                    whole(collector)
                elif number % 2:  # after Spotify was asked: before, while and after plays are published
                    wait(lambda asked=asked: polls(fake) > asked, "Spotify was not asked", collector.said)  # type: ignore[misc]
                    time.sleep(dice.uniform(0, 0.2))
                else:
                    wait(lambda known=known: scene.wire.total() > known, "nothing came", collector.said, pause=0.001)  # type: ignore[misc]
            finally:
                collector.kill()
            if number <= kills:
                go_on(fake, music, dice.uniform(0.5, 1.0) * STEP_S)
        for listener, account in accounts.items():
            shown = fake.shown(account)
            wanted = [one for one in fake.played(account) if one.listed and one.appears_at <= music()]
            assert shown == [one for one in wanted if one.played_at >= shown[0].played_at], "a page was missed"
            for play in shown:
                scene.world.published(record_of(listener, play))
    fleet.settled()
    scene.must_hold("poller kill -9", kills=kills, polls=polls(fake))


def connect(scene: Scene, fake: FakeSpotify, key: Path) -> dict[int, str]:
    """Two listeners, each connected to an account of the fake: account by listener."""
    settings = SpotifySettings(
        client_id=fake.settings.client_id,
        client_secret=fake.settings.client_secret,
        redirect_uri=REDIRECT,
        accounts_url=fake.accounts_url,
        api_url=fake.api_url,
    )
    connector = Connector(settings, ClickHouseConnections(scene.ch), Vault(key.read_bytes()), now_ms)
    accounts = dict(zip(scene.listeners, (person.account_id for person in fake.settings.people), strict=False))
    for listener, account in accounts.items():
        connector.callback(**fake.consent(connector.begin(listener), account))
    return accounts


def go_on(fake: FakeSpotify, music: ManualClock, seconds: float) -> None:
    """Let the music play on, and through the pauses of its listeners, until there is something new to collect."""
    new = False
    while not new:
        music.advance(seconds)
        for person in fake.settings.people:
            shown = {play.played_at for play in fake.shown(person.account_id)}
            new |= any(play.played_at not in shown for play in fake.timeline(person.account_id).listed(music()))


def polls(fake: FakeSpotify) -> int:
    """How often recently-played was asked."""
    return sum(call.path == RECENT for call in fake.calls)


def missing(scene: Scene, fake: FakeSpotify, accounts: dict[int, str], now: int) -> str:
    """What is listed at `now` and was never shown, and what was shown and is not stored; "" when nothing is."""
    stored = scene.stored_ids()
    found = []
    for listener, account in accounts.items():
        shown = fake.shown(account)
        listed = {play.played_at for play in fake.timeline(account).listed(now)}
        unseen = listed - {play.played_at for play in shown}
        unstored = [play for play in shown if (listener, record_of(listener, play).sighting) not in stored]
        if unseen or unstored:
            found.append(f"{ids.to_hex(listener)}: {len(unseen)} not shown, {len(unstored)} not stored {unstored[:2]}")
    return "\n".join(found)
