"""`up` runs everything in one process; `worker`, `collect`, `api` and `migrate` run one part alone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.panel import Panel
from rich.text import Text

from deploy import folder, logs
from deploy.commands.console import Config, Data, Json, err, guarded, shell
from deploy.settings import Settings
from streams.contracts.errors import UserError

Port = Annotated[int | None, typer.Option("--port", help="Of the page and the API; 0 takes a free one.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on; sign-in is on beyond loopback.")]
PublicUrl = Annotated[
    str | None, typer.Option("--public-url", help="Address that people use, where a proxy stands in front.")
]
Kafka = Annotated[str | None, typer.Option("--kafka", help="embedded, apache, or HOST:PORT.")]
ClickHouse = Annotated[str | None, typer.Option("--clickhouse", help="embedded, or a server's http address.")]
Seconds = Annotated[float | None, typer.Option("--for", min=0.1, help="Stop by itself after so many seconds.")]

ENDING_S = 15.0  # for a part to store what it has in hand; container engines get impatient after 20 s


@guarded
def up(
    demo: Annotated[
        bool | None,
        typer.Option("--demo/--no-demo", help="Show demo listeners beside real ones, or never."),
    ] = None,
    fake_spotify: Annotated[
        bool, typer.Option("--fake-spotify", help="Run a strict imitation of Spotify to connect to.")
    ] = False,
    kafka: Kafka = None,
    clickhouse: ClickHouse = None,
    serve_clickhouse: Annotated[
        int | None, typer.Option("--serve-clickhouse", help="Read-only ClickHouse over HTTP on this port.")
    ] = None,
    host: Host = None,
    port: Port = None,
    public_url: PublicUrl = None,
    seconds: Seconds = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Run everything and show live figures. Ctrl-C stops it, with nothing lost."""
    run = shell(
        json,
        data,
        config,
        kafka=kafka,
        clickhouse=clickhouse,
        serve_clickhouse=serve_clickhouse,
        host=host,
        port=port,
        public_url=public_url,
    )
    settings = run.settings
    with folder.hold(settings.data):
        logs.configure(
            settings.log_level, settings.log_format, folder=settings.data / "logs", console=not err.is_terminal
        )
        counts = asyncio.run(_up(settings, demo=demo, fake_spotify=fake_spotify, seconds=seconds))
    run.show(counts, lambda: Text(f"Stopped. {counts['stored']:,} plays stored in this run."))


async def _up(settings: Settings, *, demo: bool | None, fake_spotify: bool, seconds: float | None) -> dict[str, Any]:
    from deploy.parts import first_ending
    from deploy.serve import serving, take_port
    from deploy.stack import open_stack
    from deploy.watch import watch

    listening = take_port(settings.host, settings.port)
    port = listening.getsockname()[1]
    settings = settings.model_copy(update={"port": port})
    token = folder.new_token()
    started = asyncio.Event()
    stop = stop_on_signals(started)
    async with AsyncExitStack() as opened:
        opened.callback(listening.close)
        with err.status("Starting the broker, the database and the worker ..."):
            stack = await opened.enter_async_context(
                open_stack(settings, token=token, writes=True, live=True, demo=demo, fake_spotify=fake_spotify)
            )
            await opened.enter_async_context(serving(stack.app, listening))
        started.set()
        opened.enter_context(folder.announce(settings.data, stack.local_url, token, kafka=stack.bootstrap))
        err.print(welcome(stack.url, stack.notes))
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, stop.set)
        await first_ending(partial(watch, err, stack.metrics.snapshot, stop), stack.failed)
        err.print(Text("Stopping: what was read is being stored ...", style="dim"))
    counts: dict[str, Any] = msgspec.to_builtins(stack.metrics.snapshot())
    return counts


def welcome(url: str, notes: list[str]) -> Panel:
    """Where the page is, and what to do next."""
    body = Text.assemble("Open ", (url, "bold underline"), "\n", *(f"{note}\n" for note in notes), "Ctrl-C stops.")
    return Panel(body, title="Spotifire", title_align="left", expand=False, padding=(1, 2))


def stop_on_signals(started: asyncio.Event | None = None) -> asyncio.Event:
    """An event that the first Ctrl-C or SIGTERM sets; the second one ends the process at once.

    So does the first one before `started`: nothing was taken on yet, and whatever waits for a
    broker that is not there would have to end first. A process may be killed at any time.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin() -> None:
        if stop.is_set() or (started is not None and not started.is_set()):
            err.show_cursor()
            err.print("Stopped.")
            os._exit(130)
        stop.set()

    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, begin)
    return stop


@guarded
def worker(kafka: Kafka = None, clickhouse: ClickHouse = None, data: Data = None, config: Config = None) -> None:
    """Run a worker alone: sightings in, plays stored. Start as many as there are partitions."""
    from deploy.roles import run_worker

    _alone(run_worker, data, config, kafka=kafka, clickhouse=clickhouse)


@guarded
def collect(kafka: Kafka = None, clickhouse: ClickHouse = None, data: Data = None, config: Config = None) -> None:
    """Run the Spotify collector alone."""
    from deploy.roles import run_collector

    _alone(run_collector, data, config, kafka=kafka, clickhouse=clickhouse)


@guarded
def demo(kafka: Kafka = None, clickhouse: ClickHouse = None, data: Data = None, config: Config = None) -> None:
    """Run demo listeners alone, beside real ones. Ends when they are removed."""
    from deploy.roles import run_demo

    _alone(run_demo, data, config, kafka=kafka, clickhouse=clickhouse)


@guarded
def api(
    host: Host = None,
    port: Port = None,
    public_url: PublicUrl = None,
    kafka: Kafka = None,
    clickhouse: ClickHouse = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Run the API and the page alone."""
    from deploy.roles import run_api

    _alone(run_api, data, config, host=host, port=port, public_url=public_url, kafka=kafka, clickhouse=clickhouse)


@guarded
def migrate(clickhouse: ClickHouse = None, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Bring the database's schema up to date; any number of processes may do so at once."""
    from deploy.storage import open_storage

    run = shell(json, data, config, clickhouse=clickhouse)
    with open_storage(run.settings) as storage:
        applied = storage.applied
    run.show({"applied": applied}, lambda: Text(f"{len(applied)} migrations applied." if applied else "Up to date."))


def _alone(
    role: Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]],
    data: Path | None,
    config: Path | None,
    **given: Any,
) -> None:
    """One part as a process of its own, for compose, systemd or Kubernetes: logs instead of a live line."""
    settings = shell(False, data, config, **given).settings
    if settings.kafka in ("embedded", "apache") or settings.clickhouse == "embedded":
        raise UserError(
            "A part that runs alone needs a broker and a database that others reach too.",
            cure="Give --kafka HOST:PORT and --clickhouse URL, or run everything with `spotifire up`.",
        )
    logs.configure(settings.log_level, settings.log_format)

    asyncio.run(until_stopped(partial(role, settings)))


async def until_stopped(
    role: Callable[[asyncio.Event], Coroutine[Any, Any, None]], *, ending_s: float = ENDING_S
) -> None:
    """Run it until a signal, and then for so long as it takes to end; what still starts is broken off."""
    stop = stop_on_signals()
    running = asyncio.create_task(role(stop))
    asked = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            await asyncio.wait({running}, timeout=ending_s)
    finally:
        asked.cancel()
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
    if not running.cancelled():
        running.result()
