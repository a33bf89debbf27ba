"""The parts, put together in one process: the one place that knows how everything fits.

Opened in the order of the arrows (database, broker, worker, then whoever publishes) and closed
in reverse: first nobody publishes any more, then what was published is stored, then the worker
leaves, then the broker and the database end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from fastapi import FastAPI

from api.app import create_app
from api.live import LiveHub
from deploy import doctor
from deploy.broker import open_broker
from deploy.demo import Demo
from deploy.jobs import archiving, jobs_of, wake_commands
from deploy.measuring import measure_collector, measure_worker
from deploy.parts import Ending, background, first_ending, is_running, open_vault, settle, until_failure, working
from deploy.schedule import keep
from deploy.services import reading, writing
from deploy.settings import Settings
from deploy.spotify import open_collector
from deploy.storage import Storage, clickhouse_settings, open_storage
from streams.contracts.errors import UserError
from streams.metrics import Metrics
from streams.publisher import Publisher, PublisherSettings


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What `open_stack` opened."""

    app: FastAPI
    url: str  # for people
    local_url: str  # for the command
    bootstrap: str
    metrics: Metrics
    storage: Storage
    notes: list[str] = field(default_factory=list)  # what a person should read at the start
    endings: tuple[Ending, ...] = ()

    async def failed(self) -> None:
        """Wait until a part ends by itself; raises what ended it."""
        await first_ending(*self.endings)


@asynccontextmanager
async def open_stack(
    settings: Settings,
    *,
    token: str,
    writes: bool,
    live: bool = False,
    demo: bool | None = None,
    fake_spotify: bool = False,
) -> AsyncIterator[Stack]:
    """Open the parts and build the API over them.

    `writes`: a broker and a worker too. `live`: also the collector, the live hub, the jobs, and
    demo listeners where nobody real is (`demo` True: always, False: never). `token` is the owner's.
    Raises UserError, BrokerUnavailable and StoreUnavailable.
    """
    async with AsyncExitStack() as opened:
        storage = await asyncio.to_thread(opened.enter_context, open_storage(settings))
        services, notes = reading(settings, storage, token)
        url, local_url, metrics = services.settings.origin, services.settings.local_url, Metrics()
        if not writes:
            yield Stack(
                app=create_app(services),
                url=url,
                local_url=local_url,
                bootstrap="",
                metrics=metrics,
                storage=storage,
            )
            return

        broker = await opened.enter_async_context(open_broker(settings))
        bootstrap = broker.bootstrap
        worker = await opened.enter_async_context(working(settings, storage, bootstrap, metrics))
        measure_worker(opened, storage.ch, metrics.registry)
        publisher = await opened.enter_async_context(Publisher(PublisherSettings(bootstrap=bootstrap)))
        opened.push_async_callback(settle, publisher)
        if storage.ch.settings.embedded:  # this process alone: whatever runs was left by one that is gone
            await asyncio.to_thread(storage.ledger.fail_interrupted)
        await wake_commands(storage, publisher)
        services = replace(
            writing(services, storage, publisher, bootstrap),
            stats=metrics.snapshot,
            registry=metrics.registry,
            ready={**services.ready, "worker": partial(is_running, worker)},
            checks=doctor.checks_of(settings, storage, metrics, None),
        )
        endings: list[Ending] = [worker.failed, publisher.failed, broker.ended]
        if settings.serve_clickhouse is not None:
            notes.append(f"ClickHouse, read-only: {await serve_clickhouse(opened, settings)}")
        if live:
            hub = LiveHub(bootstrap)
            await hub.start()
            opened.push_async_callback(hub.stop)
            collector, connecting, more = await open_collector(
                opened,
                settings,
                storage,
                publisher,
                await asyncio.to_thread(open_vault, settings),
                redirect_uri=services.redirect_uri,
                fake=fake_spotify,
            )
            notes += more
            services = replace(
                services,
                live=hub,
                connecting=connecting,
                connections_changed=collector.connections_changed,
                checks=doctor.checks_of(settings, storage, metrics, collector),
            )
            endings.append(background(opened, "collector", collector.run()))
            measure_collector(opened, storage.ch, collector)
            endings.append(
                background(opened, "jobs", keep([*jobs_of(storage, publisher), *archiving(settings, storage)]))
            )
            if demo is not False:
                show = Demo(storage, publisher, always=bool(demo))
                endings.append(partial(until_failure, background(opened, "demo", show.run())))
                services = replace(services, end_demo=show.end)
        yield Stack(
            app=create_app(services),
            url=url,
            local_url=local_url,
            bootstrap=bootstrap,
            metrics=metrics,
            storage=storage,
            notes=notes,
            endings=tuple(endings),
        )


async def serve_clickhouse(opened: AsyncExitStack, settings: Settings) -> str:
    """The embedded engine over ClickHouse's HTTP protocol, for a Grafana or an SQL client; its address."""
    path = clickhouse_settings(settings).path
    if path is None:
        raise UserError(
            "--serve-clickhouse is for the embedded engine, and this ClickHouse is a server.",
            cure="Point Grafana at that server.",
        )
    from deploy.clickhouse_http import ChdbHttpServer, Served  # chDB, which a server does without

    served = Served(path=path, database=settings.database, read_only=True)
    server = ChdbHttpServer(served, host="127.0.0.1", port=settings.serve_clickhouse or 0)
    url = await asyncio.to_thread(server.start)
    opened.push_async_callback(asyncio.to_thread, server.stop)
    return url
