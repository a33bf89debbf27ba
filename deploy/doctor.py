"""What `spotifire doctor` looks at: each part, and the next step where something is wrong."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from api.services import Finding
from deploy.folder import LEAST_FREE
from deploy.settings import Settings
from deploy.storage import Storage
from producers.spotify.collector import Collector
from producers.spotify.health import ListenerHealth
from sinks.migrate import check_schema
from streams.contracts.errors import SpotifireError
from streams.metrics import Metrics

GIB = 2**30
LATE_POLL = 2 * 3600  # seconds without a good poll of recently-played: 50 plays may have gone by
MUCH_LAG = 10_000  # records

Check = Callable[[], Awaitable[Sequence[Finding]]]


def checks_of(
    settings: Settings, storage: Storage, metrics: Metrics | None, collector: Collector | None
) -> tuple[Check, ...]:
    """The checks of the parts that this process has."""
    found: list[Check] = [
        named("data folder", partial(asyncio.to_thread, data_folder, settings)),
        named("database", partial(asyncio.to_thread, database, storage)),
        named("catalogue", partial(asyncio.to_thread, catalogue, storage)),
        named("dead letters", partial(asyncio.to_thread, dead_letters, storage)),
    ]
    if metrics is not None:
        found.append(named("worker", partial(asyncio.to_thread, worker, metrics)))
    if collector is not None:
        found.append(named("Spotify", partial(asyncio.to_thread, spotify, collector)))
    return tuple(found)


def named(name: str, check: Callable[[], Awaitable[Sequence[Finding]]]) -> Check:
    """The check under a name, which is shown where it gives no answer."""

    async def run() -> Sequence[Finding]:
        return await check()

    run.__name__ = name
    return run


def data_folder(settings: Settings) -> list[Finding]:
    """Room on the disk, and who may read the folder."""
    usage = shutil.disk_usage(settings.data)
    text = f"{settings.data}, {usage.free / GIB:,.1f} GiB free"
    if usage.free < 4 * LEAST_FREE:
        return [Finding(part="data folder", state="warning", detail=text, cure="Free some disk soon.")]
    if settings.data.stat().st_mode & 0o077:
        cure = f"Run: chmod 700 {settings.data}"
        return [Finding(part="data folder", state="warning", detail=f"{text}; others can read it", cure=cure)]
    return [Finding(part="data folder", state="ok", detail=text)]


def database(storage: Storage) -> list[Finding]:
    """Whether it answers, on the schema of this code."""
    try:
        storage.ch.ping()
        check_schema(storage.ch)
    except SpotifireError as error:
        return [Finding(part="database", state="failed", detail=error.message, cure=error.cure)]
    plays = storage.ch.scalar("SELECT count() FROM v_plays")
    return [Finding(part="database", state="ok", detail=f"{storage.ch.settings.where()}, {plays:,} plays")]


def catalogue(storage: Storage) -> list[Finding]:
    """How many plays have a genre."""
    rows = storage.ch.query("SELECT countIf(genre != 'unknown'), count() FROM v_plays")
    known, plays = rows[0]
    artists = storage.ch.scalar("SELECT count() FROM v_artists")
    text = f"{artists:,} artists; {known / plays:.0%} of plays have a genre" if plays else f"{artists:,} artists"
    if plays and known < plays / 2:
        return [Finding(part="catalogue", state="warning", detail=text, cure="More: spotifire catalog import FILE")]
    return [Finding(part="catalogue", state="ok", detail=text)]


def dead_letters(storage: Storage) -> list[Finding]:
    """What was refused in the last day."""
    count = storage.ch.scalar("SELECT count() FROM v_dead_letters WHERE refused_at > now() - INTERVAL 1 DAY")
    if count:
        detail = f"{count:,} records were refused in the last day"
        return [Finding(part="dead letters", state="warning", detail=detail, cure="See: spotifire dead-letters list")]
    return [Finding(part="dead letters", state="ok", detail="none in the last day")]


def worker(metrics: Metrics) -> list[Finding]:
    """Whether it keeps up."""
    lag = metrics.snapshot().lag
    if lag is None:
        return [Finding(part="worker", state="warning", detail="lag not measured yet", cure="Ask again in a moment.")]
    if lag > MUCH_LAG:
        cure = "Wait for a running import, or start more workers (one a partition at most)."
        return [Finding(part="worker", state="warning", detail=f"{lag:,} records behind", cure=cure)]
    return [Finding(part="worker", state="ok", detail=f"{lag:,} records behind")]


def library(health: ListenerHealth) -> list[Finding]:
    """What of the library is not collected, and why."""
    known, who = health.library, f"listener {health.listener}"
    if health.state == "reconnect":
        return []
    if known.lacking:
        detail = f"{who}: not granted: {', '.join(known.lacking)}; plays are collected all the same"
        cure = "Run: spotifire listeners connect NAME"
        return [Finding(part="library", state="warning", detail=detail, cure=cure)]
    if known.error:
        return [Finding(part="library", state="warning", detail=f"{who}: {known.error}")]
    if known.looked_at is None:
        return [Finding(part="library", state="ok", detail=f"{who}: not looked at yet")]
    age = (time.time() - known.looked_at / 1000) / 3_600
    return [Finding(part="library", state="ok", detail=f"{who}: {known.lists} lists, at most {age:.0f} h old")]


def spotify(collector: Collector) -> list[Finding]:
    """Each connection: its last good poll, and when its token ends."""
    findings = []
    for health in collector.health():
        who = f"listener {health.listener}"
        if health.state == "reconnect":
            cure = "Run: spotifire listeners connect NAME"
            findings.append(Finding(part="Spotify", state="failed", detail=f"{who}: {health.last_error}", cure=cure))
        elif health.last_good_at is not None and time.time() - health.last_good_at / 1000 > LATE_POLL:
            detail = f"{who}: no good poll for over two hours ({health.last_error or health.state})"
            findings.append(Finding(part="Spotify", state="failed", detail=detail, cure="See the log for the cause."))
        elif health.warning or health.last_error:
            detail = f"{who}: {health.warning or health.last_error}"
            findings.append(Finding(part="Spotify", state="warning", detail=detail))
        else:
            findings.append(Finding(part="Spotify", state="ok", detail=f"{who}: {health.state}"))
        findings += library(health)
    if not findings:
        cure = "To record plays as they happen: spotifire listeners connect NAME"
        findings.append(Finding(part="Spotify", state="warning", detail="nobody is connected", cure=cure))
    return findings
