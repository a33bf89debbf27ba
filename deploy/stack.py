"""The parts, put together in one process: the one place that knows how everything fits.

Opened in the order of the arrows (database, broker, worker, then whoever publishes) and closed
in reverse: first nobody publishes any more, then what was published is stored, then the worker
leaves, then the broker and the database end.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI

from api.app import create_app
from api.connecting import Connecting
from api.live import LiveHub
from api.services import ApiSettings, Services
from deploy import doctor, owner
from deploy.broker import open_broker
from deploy.catalogue import import_artists
from deploy.demo import Demo
from deploy.jobs import jobs_of
from deploy.schedule import keep
from deploy.settings import Settings
from deploy.storage import Storage, open_storage
from ml.profile import profile
from producers.history.importer import run_import
from producers.spotify.auth import Connector
from producers.spotify.collector import Collector, CollectorSettings, now_ms
from producers.spotify.fake.server import FakeSpotify
from producers.spotify.settings import SpotifySettings
from producers.spotify.vault import Vault, read_or_make_key
from streams.app import Worker, WorkerSettings
from streams.metrics import Metrics
from streams.pipeline import Pipeline
from streams.publisher import Publisher, PublisherSettings

SETTLE = 3.0  # seconds that what was published may take to be stored when stopping

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What `open_stack` opened."""

    app: FastAPI
    url: str
    metrics: Metrics
    storage: Storage
    notes: list[str] = field(default_factory=list)  # what a person should read at the start
    endings: tuple[Callable[[], Awaitable[None]], ...] = ()  # each returns or raises when its part ends

    def snapshot(self) -> Mapping[str, Any]:
        """The worker's figures."""
        return figures(self.metrics)

    async def failed(self) -> None:
        """Wait until a part ends by itself; raises what ended it."""
        tasks = [asyncio.ensure_future(ending()) for ending in self.endings]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        for task in done:
            task.result()


def figures(metrics: Metrics) -> dict[str, Any]:
    """The worker's figures as JSON shows them."""
    shown: dict[str, Any] = msgspec.to_builtins(metrics.snapshot())
    return shown
