"""The API over real parts: a client without a port, a server with one, and a listener with plays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.services import ApiSettings, Services
from sinks.clickhouse import ClickHouse
from sinks.commands import Commands
from sinks.connections import ClickHouseConnections
from sinks.dead_letters import DeadLetters
from sinks.listeners import Listeners
from sinks.reader import Reader
from sinks.rows import ListenerRow
from sinks.tokens import Tokens
from sinks.travel import Travel
from sinks.writer import Writer
from tests.support.rows import play, plays_table

TOKEN = "the-owners-token"


def settings(folder: Path, **changed: Any) -> ApiSettings:
    """Settings of a test's API: open on loopback."""
    return ApiSettings(**{"data_dir": folder, "token": TOKEN, "version": "test", **changed})


def services(ch: ClickHouse, folder: Path, **parts: Any) -> Services:
    """Services over a real database; `parts` replaces or adds."""
    given: dict[str, Any] = {
        "settings": settings(folder),
        "reader": Reader(ch),
        "listeners": Listeners(ch),
        "tokens": Tokens(ch),
        "commands": Commands(ch),
        "dead_letters": DeadLetters(ch),
        "travel": Travel(ch),
        "connections": ClickHouseConnections(ch),
    }
    return Services(**{**given, **parts})


def client_of(app: FastAPI, *, host: str = "127.0.0.1", peer: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
    """A client that calls the app without a port. `peer` is where it seems to come from."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 1234))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=named)


def owner_client(app: FastAPI) -> httpx.AsyncClient:
    """A client that has the owner's token."""
    return client_of(app, authorization=f"Bearer {TOKEN}")


@dataclass(frozen=True)
class Seeded:
    """Two listeners with plays in the last days."""

    ada: ListenerRow
    bob: ListenerRow


ARTISTS: Sequence[tuple[str, str, str]] = (
    ("Nina Simone", "Sinnerman", "jazz"),
    ("Nina Simone", "Feeling Good", "jazz"),
    ("Björk", "Jóga", "electronic"),
    ("Radiohead", "Weird Fishes", "rock"),
    ("A Tribe Called Quest", "Electric Relaxation", "unknown"),
)


def seed(ch: ClickHouse, store: Writer, plays: int = 30) -> Seeded:
    """Ada has `plays` plays, one every 47 minutes up to now, by ARTISTS in turn; Bob has three."""
    listeners = Listeners(ch)
    ada, bob = listeners.add("Ada", "Europe/Lisbon"), listeners.add("Bob", "America/Bogota")
    now = datetime.now(UTC).replace(microsecond=0)
    rows = []
    for owner, count in ((ada, plays), (bob, 3)):
        for number in range(count):
            artist, title, genre = ARTISTS[number % len(ARTISTS)]
            end = now - timedelta(minutes=47 * number)
            said = {"artist": artist, "title": title, "album": f"{title} LP", "genre": genre, "subgenre": genre}
            rows.append(play(owner.id, int(end.timestamp() * 1000), uri=f"spotify:track:{number % 5:022d}", **said))
    store.write_plays(plays_table(*rows))
    return Seeded(ada, bob)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The app on a real port of the loopback; its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline and not task.done(), "the server did not start"
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


__all__ = ["TOKEN", "Seeded", "client_of", "create_app", "owner_client", "seed", "served", "services", "settings"]
