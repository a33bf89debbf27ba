"""What the API stands on, filled from the parts that a process has."""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from api.services import ApiSettings, Services
from deploy import doctor, owner
from deploy.apart import Apart
from deploy.settings import Settings, read_secret
from deploy.storage import Storage
from producers.catalog import import_catalog
from producers.history.importer import run_import
from sinks.archive import S3Settings
from streams.contracts.events import ListenerProfile
from streams.contracts.ports import Reconciliation
from streams.publisher import Publisher


def reading(settings: Settings, storage: Storage, token: str) -> tuple[Services, list[str]]:
    """Services that only read, and notes for the person at the terminal. `token` is the owner's."""
    password_hash, made = owner.password(settings)
    services = Services(
        settings=ApiSettings(
            data_dir=settings.data,
            host=settings.host,
            port=settings.port,
            public_url=settings.public_url,
            sign_in=settings.sign_in,
            password_hash=password_hash,
            token=token,
            session_key=owner.session_key(settings),
            version=importlib.metadata.version("spotifire"),
        ),
        reader=storage.reader,
        listeners=storage.listeners,
        tokens=storage.tokens,
        commands=storage.commands,
        dead_letters=storage.dead_letters,
        travel=storage.travel,
        connections=storage.connections,
        database=storage.ch,
        archive=settings.archive,
        s3=s3_settings(settings),
        profiles=partial(fresh_profile, storage),
        ready={"database": partial(answers, storage)},
        checks=doctor.checks_of(settings, storage, None, None),
    )
    return services, [f"The owner's password, shown this once: {made}"] if made else []


def s3_settings(settings: Settings) -> S3Settings:
    """Where an S3-compatible store is. Raises UserError when the secret file can't be read."""
    return S3Settings(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=read_secret(settings.s3_secret_key_file) if settings.s3_secret_key_file else "",
    )


def writing(services: Services, storage: Storage, publisher: Publisher, bootstrap: str) -> Services:
    """The same with what publishes."""
    return replace(
        services,
        publisher=publisher,
        imports=partial(import_export, storage, publisher, Apart(bootstrap)),
        catalog=partial(import_catalog, catalog=storage.catalog, publisher=publisher),
    )


async def import_export(
    storage: Storage,
    publisher: Publisher,
    apart: Apart,
    paths: Sequence[Path],
    listener: int,
    import_id: int,
    on_progress: Callable[[Any], None],
) -> Reconciliation:
    """api.services.ImportRunner."""
    elsewhere = apart if await asyncio.to_thread(apart.takes, paths) else None
    return await run_import(
        paths, listener, publisher, storage.ledger, on_progress, import_id=import_id, elsewhere=elsewhere
    )


def fresh_profile(storage: Storage, listener: int, window: str) -> ListenerProfile:
    """api.services.Profiler: computed now, and stored for the next ten minutes."""
    from ml.profile import refresh_profiles  # pandas takes a second to import, and most commands need none

    return refresh_profiles(storage.ch, [window], listener=listener)[0]


async def answers(storage: Storage) -> bool:
    """Whether the database does."""
    await asyncio.to_thread(storage.ch.ping)
    return True
