"""ClickHouse and everything of `sinks` over it, opened once for a process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.extras import needs
from deploy.settings import Settings, read_secret
from sinks.catalog import ClickHouseCatalog
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.collected import CollectedSightings
from sinks.commands import Commands
from sinks.connections import ClickHouseConnections
from sinks.dead_letters import DeadLetters
from sinks.imports import Imports
from sinks.library import ClickHouseLibrary
from sinks.listeners import Listeners
from sinks.migrate import migrate
from sinks.profiles import Profiles
from sinks.reader import Reader
from sinks.reference import ClickHouseReference
from sinks.tokens import Tokens
from sinks.travel import Travel
from sinks.writer import Writer


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What implements the ports. `stopping` makes writes that are being retried give up."""

    ch: ClickHouse
    applied: list[str]  # migrations that were applied just now
    stopping: threading.Event
    writer: Writer
    reference: ClickHouseReference
    commands: Commands
    dead_letters: DeadLetters
    travel: Travel
    collected: CollectedSightings
    library: ClickHouseLibrary
    ledger: Imports
    connections: ClickHouseConnections
    catalog: ClickHouseCatalog
    listeners: Listeners
    profiles: Profiles
    tokens: Tokens
    reader: Reader


def clickhouse_settings(settings: Settings) -> ClickHouseSettings:
    """What the ClickHouse client is handed.

    Raises UserError when the password file can't be read, or no embedded engine is installed.
    """
    if settings.clickhouse == "embedded":
        needs("chdb", "ClickHouse", "--clickhouse URL")
        return ClickHouseSettings(path=settings.data / "clickhouse", database=settings.database)
    password = read_secret(settings.clickhouse_password_file) if settings.clickhouse_password_file else ""
    return ClickHouseSettings(
        url=settings.clickhouse, database=settings.database, user=settings.clickhouse_user, password=password
    )


@contextmanager
def open_storage(settings: Settings) -> Iterator[Storage]:
    """Open the database, bring its schema up to date, close it at the end.

    Raises UserError (a newer schema, a folder that can't be used) and StoreUnavailable.
    """
    ch = ClickHouse(clickhouse_settings(settings))
    try:
        applied = migrate(ch)
        stopping = threading.Event()
        yield Storage(
            ch=ch,
            applied=applied,
            stopping=stopping,
            writer=Writer(ch, stopping),
            reference=ClickHouseReference(ch, stopping),
            commands=Commands(ch),
            dead_letters=DeadLetters(ch),
            travel=Travel(ch),
            collected=CollectedSightings(ch),
            library=ClickHouseLibrary(ch),
            ledger=Imports(ch),
            connections=ClickHouseConnections(ch),
            catalog=ClickHouseCatalog(ch),
            listeners=Listeners(ch),
            profiles=Profiles(ch),
            tokens=Tokens(ch),
            reader=Reader(ch),
        )
    finally:
        ch.close()
