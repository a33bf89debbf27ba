"""One client for a ClickHouse server (HTTP) and for the embedded engine (chDB).

The embedded engine serves one data folder per process and one process per data folder; any
number of databases and handles in it. A handle runs one statement at a time, so each thread
gets its own (15 ms to open). Failures come out as streams/contracts/errors.py has them: what
time can mend is StoreUnavailable, what a person can mend is UserError, the rest as it came.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect
import pyarrow as pa

from sinks.failures import translated
from streams.contracts.errors import SpotifireError, UserError
from streams.vitals import waiting

T = TypeVar("T")
Rows = list[tuple[Any, ...]]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# insert_deduplicate: a window of tokens silently drops rows that were deleted and come again.
# The last one is safe because the sorting key decides the partition in every table of ours.
SETTINGS: Mapping[str, Any] = {
    "async_insert": 0,
    "insert_deduplicate": 0,
    "do_not_merge_across_partitions_select_final": 1,
    "max_query_size": 64 << 20,
}

# Collapsing a block while it is inserted costs as much as inserting it, and ours hold a key once; if
# not, FINAL and the next merge see to it.
INSERTING: Mapping[str, Any] = {"optimize_on_insert": 0}


@dataclass(frozen=True)
class ClickHouseSettings:
    """Where ClickHouse is: a data folder (embedded) or a URL (server), exactly one of the two."""

    path: Path | None = None
    url: str | None = None  # http://host:8123 or https://…
    database: str = "spotifire"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: int = 300  # of one statement, on a server; a thread that waits longer for any counts as stuck

    def __post_init__(self) -> None:
        if (self.path is None) == (self.url is None):
            raise UserError("ClickHouse needs either a data folder or a URL.", cure="Give one of the two, not both.")
        if not NAME.fullmatch(self.database):
            raise UserError(
                f"{self.database!r} is no name for a database.", cure="Use letters, digits and underscores."
            )

    @property
    def embedded(self) -> bool:
        """Whether the engine runs inside this process."""
        return self.path is not None

    def where(self) -> str:
        """The folder or the host and port, for messages; never the password."""
        if self.path is not None:
            return str(self.path)
        parts = urlsplit(self.url or "")
        return f"{parts.scheme}://{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"


class ClickHouse:
    """A connection for every thread that asks. Safe to share; close it once, at the end."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self.settings = settings
        self._local = threading.local()
        self._clients: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._keeper: Any = None  # holds the embedded engine open while threads come and go
        self._closed = False

    @property
    def database(self) -> str:
        """The connection's current database."""
        return self.settings.database

    # What can be asked. `{name:Type}` in the SQL is bound to params["name"] by the engine.

    def query(self, sql: str, params: Mapping[str, Any] | None = None, **options: Any) -> Rows:
        """Rows as tuples; times are aware datetimes in UTC. `options`: settings, column_formats."""
        return self._run(lambda c: list(c.query(sql, parameters=params, **options).result_rows))

    def query_dicts(self, sql: str, params: Mapping[str, Any] | None = None, **options: Any) -> list[dict[str, Any]]:
        """Rows as dictionaries by column name."""
        return self._run(lambda c: list(c.query(sql, parameters=params, **options).named_results()))

    def query_table(
        self, sql: str, params: Mapping[str, Any] | None = None, **options: Any
    ) -> tuple[tuple[str, ...], tuple[str, ...], Rows]:
        """Column names, ClickHouse type names, rows."""

        def ask(client: Any) -> tuple[tuple[str, ...], tuple[str, ...], Rows]:
            result = client.query(sql, parameters=params, **options)
            return (
                tuple(result.column_names),
                tuple(t.name for t in result.column_types),
                list(result.result_rows),
            )

        return self._run(ask)

    def query_arrow(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """The result as an Arrow table."""
        return self._run(lambda c: c.query_arrow(sql, parameters=params, use_strings=True))

    def scalar(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None when there is no row."""
        rows = self.query(sql, params)
        return rows[0][0] if rows else None

    # What can be changed

    def command(self, sql: str, params: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Run a statement that returns nothing."""
        self._run(lambda c: c.command(sql, parameters=params, **options))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert a few rows; returns when they are durable."""
        if rows:
            self._run(lambda c: c.insert(table, rows, column_names=list(columns)))

    def insert_arrow(self, table: str, rows: pa.Table) -> None:
        """Insert whole columns, in one statement; returns when they are durable."""
        if rows.num_rows:
            unified = rows.unify_dictionaries()  # Arrow's file format allows one dictionary a column
            self._run(lambda c: c.insert_arrow(table, unified, settings=dict(INSERTING)))

    # Life

    def create_database(self) -> None:
        """Create the current database where it does not exist yet."""
        with self.handle(database=None) as client:
            client.command(f"CREATE DATABASE IF NOT EXISTS {self.database}")

    def ping(self) -> None:
        """Raises StoreUnavailable (or UserError) when nothing answers."""
        with self.handle(database=None) as client:
            client.command("SELECT 1")

    def close(self) -> None:
        """Close every handle, also those of other threads; waits for statements in flight."""
        with self._lock:
            self._closed = True
            clients, self._keeper = [*self._clients, self._keeper], None
            self._clients.clear()
        for client in clients:
            if client is not None:
                client.close()

    def _run(self, ask: Callable[[Any], T]) -> T:
        with translated(self.settings.where(), self.settings.path), waiting(self.settings.timeout_s):
            return ask(self._handle())

    def _handle(self) -> Any:
        """The calling thread's own handle."""
        client = getattr(self._local, "client", None)
        if client is None or self._closed:
            client = self._connect(self.settings.database)
            with self._lock:
                self._clients.add(client)
            self._local.client = client
        return client

    @contextmanager
    def handle(self, database: str | None, settings: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """A handle of its own for the moment (a clickhouse_connect client), with settings on top of ours."""
        with translated(self.settings.where(), self.settings.path):
            client = self._connect(database, settings)
            try:
                yield client
            finally:
                client.close()

    def _connect(self, database: str | None, settings: Mapping[str, Any] | None = None) -> Any:
        if self.settings.embedded:
            with self._lock:  # two threads must not start the engine at once
                if self._keeper is None and not self._closed:
                    self._keeper = self._open(None, {})
        return self._open(database, settings or {})

    def _open(self, database: str | None, more: Mapping[str, Any]) -> Any:
        if self._closed:
            raise SpotifireError("The connection to ClickHouse is closed.")
        settings = self.settings
        if settings.path is not None:
            return clickhouse_connect.get_client(
                interface="chdb",
                path=str(settings.path),
                database=database,
                settings={**SETTINGS, **more},
                tz_mode="aware",
            )
        parts = urlsplit(settings.url or "")
        return clickhouse_connect.get_client(
            host=parts.hostname,
            port=parts.port or (8443 if parts.scheme == "https" else 8123),
            secure=parts.scheme == "https",
            username=settings.user or unquote(parts.username or "") or "default",
            password=settings.password or unquote(parts.password or ""),
            database=database,
            settings={**SETTINGS, **more},
            tz_mode="aware",
            autogenerate_session_id=False,
            form_encode_query_params=True,  # ids of a whole slice do not fit into a URL
            send_receive_timeout=settings.timeout_s,
        )
