"""One part as a process of its own: the worker, the collector, the demo, the API. Each is what `up` has, alone.

The collector and the API import the web framework and Spotify's client when they start: a worker
needs neither, and is 40 MiB smaller without.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import structlog
from prometheus_client import start_http_server

from deploy import folder
from deploy.kafka.topics import create_topics
from deploy.measuring import measure_collector, measure_worker
from deploy.parts import background, first_ending, open_vault, working
from deploy.schedule import keep
from deploy.settings import Settings
from deploy.storage import open_storage
from streams.contracts.errors import UserError
from streams.metrics import Metrics
from streams.publisher import Publisher, PublisherSettings

log = structlog.get_logger(__name__)


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Sightings in, plays stored, until `stop`. Raises what ended the worker."""
    async with AsyncExitStack() as opened:
        storage = await asyncio.to_thread(opened.enter_context, open_storage(settings))
        await create_topics(settings.kafka)
        metrics = Metrics()
        if settings.metrics_port is not None:
            try:
                server, thread = start_http_server(settings.metrics_port, settings.host, metrics.registry)
            except OSError as error:
                raise UserError(
                    f"The metrics port {settings.metrics_port} cannot be opened ({error.strerror}).",
                    cure="Stop what holds it, or choose another: SPOTIFIRE_METRICS_PORT.",
                ) from error
            opened.callback(thread.join)
            opened.callback(server.shutdown)
        worker = await opened.enter_async_context(working(settings, storage, settings.kafka, metrics))
        measure_worker(opened, storage.ch, metrics.registry)
        await first_ending(stop.wait, worker.failed)


async def run_collector(settings: Settings, stop: asyncio.Event) -> None:
    """Poll Spotify for everyone who is connected, until `stop`; the periodic jobs run here too."""
    from deploy.jobs import archiving, jobs_of, wake_commands
    from deploy.spotify import open_collector

    async with AsyncExitStack() as opened:
        storage = await asyncio.to_thread(opened.enter_context, open_storage(settings))
        await create_topics(settings.kafka)
        publisher = await opened.enter_async_context(Publisher(PublisherSettings(bootstrap=settings.kafka)))
        await wake_commands(storage, publisher)
        vault = await asyncio.to_thread(open_vault, settings)
        # it connects nobody, so where a browser would return to does not matter
        collector, _, _ = await open_collector(opened, settings, storage, publisher, vault, redirect_uri="", fake=False)
        collecting = background(opened, "collector", collector.run())
        measure_collector(opened, storage.ch, collector)
        jobs = background(opened, "jobs", keep([*jobs_of(storage, publisher), *archiving(settings, storage)]))
        log.info("collector started")
        await first_ending(stop.wait, collecting, jobs, publisher.failed)


async def run_demo(settings: Settings, stop: asyncio.Event) -> None:
    """Demo listeners beside the real ones, until `stop`, or until they are removed."""
    from deploy.demo import Demo

    async with AsyncExitStack() as opened:
        storage = await asyncio.to_thread(opened.enter_context, open_storage(settings))
        await create_topics(settings.kafka)
        publisher = await opened.enter_async_context(Publisher(PublisherSettings(bootstrap=settings.kafka)))
        playing = background(opened, "demo", Demo(storage, publisher, always=True).play())
        log.info("demo started")
        await first_ending(stop.wait, playing, publisher.failed)


async def run_api(settings: Settings, stop: asyncio.Event) -> None:
    """The API and the page, until `stop`."""
    from api.app import create_app
    from api.live import LiveHub
    from deploy.commands.console import err
    from deploy.serve import serving, take_port
    from deploy.services import reading, writing
    from deploy.spotify import open_collector

    listening = take_port(settings.host, settings.port)
    token = folder.new_token()
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    async with AsyncExitStack() as opened:
        opened.callback(listening.close)
        opened.enter_context(folder.hold(settings.data))
        storage = await asyncio.to_thread(opened.enter_context, open_storage(settings))
        await create_topics(settings.kafka)
        publisher = await opened.enter_async_context(Publisher(PublisherSettings(bootstrap=settings.kafka)))
        await asyncio.to_thread(storage.ledger.fail_interrupted)  # imports run in this process
        hub = LiveHub(settings.kafka)
        await hub.start()
        opened.push_async_callback(hub.stop)
        vault = await asyncio.to_thread(open_vault, settings)
        services, notes = reading(settings, storage, token)
        _, connecting, _ = await open_collector(
            opened, settings, storage, publisher, vault, redirect_uri=services.redirect_uri, fake=False
        )
        services = replace(writing(services, storage, publisher, settings.kafka), live=hub, connecting=connecting)
        await opened.enter_async_context(serving(create_app(services), listening))
        opened.enter_context(folder.announce(settings.data, services.settings.local_url, token, kafka=settings.kafka))
        for note in notes:  # for the person at the terminal: one may hold the password that was made just now
            err.print(note, markup=False)
        log.info("api started", url=services.settings.origin)
        await first_ending(stop.wait, publisher.failed)
