"""The Spotify side of a stack: the collector, the connect flow, and the fake where it was asked for."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from api.connecting import Connecting
from deploy.settings import Settings
from deploy.storage import Storage
from producers.spotify.auth import Connector
from producers.spotify.collector import Collector, CollectorSettings, now_ms
from producers.spotify.fake.server import FakeSettings, FakeSpotify
from producers.spotify.pacing import Pace
from producers.spotify.settings import SpotifySettings
from producers.spotify.vault import Vault
from streams.publisher import Publisher

# The fake's music runs faster than time, so it is asked more often.
FAST = Pace(
    active_s=5,
    idle_s=10,
    after_change_s=2,
    playing_s=3,
    silent_s=5,
    library_s=60,
    library_first_s=2,
    library_page_s=0.2,
    retry_s=1,
    retry_most_s=10,
)


async def open_collector(
    opened: AsyncExitStack,
    settings: Settings,
    storage: Storage,
    publisher: Publisher,
    vault: Vault,
    *,
    redirect_uri: str,
    fake: bool,
) -> tuple[Collector, Connecting, list[str]]:
    """The collector (to be run), the connect flow, and notes for the person at the terminal."""
    accounts_url, api_url, notes = settings.spotify_accounts_url, settings.spotify_api_url, []
    if fake:
        artists = await asyncio.to_thread(storage.ch.query, "SELECT artist_id, name FROM v_artists LIMIT 500")
        imitation = FakeSpotify(
            FakeSettings(
                redirect_uris=(redirect_uri,),
                artists=tuple((str(artist_id), str(name)) for artist_id, name in artists),
                memory=settings.data / "fake" / "memory.json",
            )
        )
        await asyncio.to_thread(imitation.start)
        opened.push_async_callback(asyncio.to_thread, imitation.stop)
        accounts_url, api_url = imitation.accounts_url, imitation.api_url
        notes.append(
            "A fake Spotify runs; connect to it: spotifire listeners add Fay, then "
            f"spotifire listeners connect Fay --client-id {imitation.settings.client_id}"
        )

    def app(client_id: str, client_secret: str) -> SpotifySettings:
        return SpotifySettings(
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=redirect_uri,
            accounts_url=accounts_url,
            api_url=api_url,
            proxy=settings.proxy,
        )

    collector = Collector(
        CollectorSettings(spotify=app("", ""), pace=FAST if fake else Pace(), watch_s=1.0 if fake else 15.0),
        storage.connections,
        storage.collected,
        storage.library,
        publisher,
        vault,
    )

    def connector(client_id: str, client_secret: str) -> Connector:
        return Connector(app(client_id, client_secret), storage.connections, vault, now_ms)

    return collector, Connecting(connector), notes
