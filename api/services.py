"""What the API stands on: deploy fills it, create_app takes it.

Parts that a process does not have are None, and the routes that need them answer 503.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from api.connecting import Connecting
from api.live import LiveHub
from producers.catalog import CatalogImport
from sinks.archive import S3Settings
from sinks.clickhouse import ClickHouse
from sinks.commands import Commands
from sinks.connections import ClickHouseConnections
from sinks.dead_letters import DeadLetters
from sinks.listeners import Listeners
from sinks.reader import Reader
from sinks.tokens import Tokens
from sinks.travel import Travel
from streams.contracts.errors import Unavailable
from streams.contracts.events import ListenerProfile
from streams.contracts.ports import Reconciliation
from streams.metrics import Snapshot
from streams.publisher import Publisher

Part = TypeVar("Part")

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """How the API is reached and by whom. Times are in seconds, sizes in bytes."""

    data_dir: Path
    """Uploads are written below it while they are imported."""
    host: str = "127.0.0.1"
    """The address that the server binds."""
    port: int = 8765
    public_url: str = ""
    """The address that people type, where it is not the bound one: `https://music.example.org`."""
    sign_in: bool = False
    """Ask for the password on loopback too, as every image and every public address does."""
    password_hash: str = ""
    """Of the owner's password, made by api.passwords.hash_password; "" means nobody can sign in."""
    token: str = field(default="", repr=False)
    """The owner's bearer token, from the token file of the data folder."""
    session_key: bytes = field(default=b"", repr=False)
    """Signs session cookies; at least 32 random bytes. Empty: a new one every start."""
    session_seconds: int = 30 * 86_400
    max_body: int = 1 << 20
    max_upload: int = 2 << 30
    version: str = ""

    @property
    def open_to_owner(self) -> bool:
        """Whether whoever reaches us over loopback is the owner, without signing in."""
        public = urlsplit(self.public_url).hostname or "localhost"
        return is_loopback(self.host) and is_loopback(public) and not self.sign_in

    @property
    def hosts(self) -> frozenset[str] | None:
        """The Host names that we answer to, in lower case, or None for any (sign-in guards those)."""
        public = urlsplit(self.public_url).hostname
        if not is_loopback(self.host) and public is None:
            return None
        return LOOPBACK_NAMES | {name for name in (public, urlsplit(self.local_url).hostname) if name}

    @property
    def origin(self) -> str:
        """Scheme, host and port under which a browser of ours reaches the page."""
        return self.public_url.rstrip("/") or self.local_url

    @property
    def local_url(self) -> str:
        """Where this machine reaches the server itself, whatever stands in front: what the command uses."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check says of one part, and what to do about it. `cure` is empty where all is well."""

    part: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    cure: str = ""


class ImportRunner(Protocol):
    """Reads export files, publishes their rows, waits until they are stored, reconciles."""

    async def __call__(
        self, paths: Sequence[Path], listener: int, import_id: int, on_progress: Callable[[Any], None]
    ) -> Reconciliation:
        """The reconciliation of `import_id`. `on_progress` gets a msgspec Struct or dataclass."""


class Profiler(Protocol):
    """Computes a listener's profile in a window ("90d", "2025") now; nothing is stored."""

    def __call__(self, listener: int, window: str) -> ListenerProfile:
        """Blocks. A profile without persona says why. Raises NothingYet while no model was trained."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that the routes use. Blocking parts (sinks, ml) are called in threads."""

    settings: ApiSettings
    reader: Reader | None = None
    listeners: Listeners | None = None
    tokens: Tokens | None = None
    commands: Commands | None = None
    dead_letters: DeadLetters | None = None
    travel: Travel | None = None
    connections: ClickHouseConnections | None = None
    database: ClickHouse | None = None
    """For what copies whole tables: export, backup, archive."""
    archive: str = ""
    """Where the archive is, a folder or s3://BUCKET/PREFIX; "" means below the data folder."""
    s3: S3Settings = field(default_factory=S3Settings)
    connecting: Connecting | None = None
    connections_changed: Callable[[], None] = lambda: None
    """Tells a collector in this process to look at the connections now."""
    publisher: Publisher | None = None
    imports: ImportRunner | None = None
    catalog: Callable[[Path], Awaitable[CatalogImport]] | None = None
    """Imports a catalogue file; the listeners that it names are stamped again."""
    end_demo: Callable[[], Awaitable[None]] | None = None
    """Ends the demonstration of this process: nothing more of it is published, and all of it is stored."""
    profiles: Profiler | None = None
    live: LiveHub | None = None
    stats: Callable[[], Snapshot] | None = None
    """The worker's figures for the live line: lag, p99, counts."""
    registry: CollectorRegistry | None = None
    """The worker's metrics, shown beside the API's own on /metrics."""
    ready: Mapping[str, Callable[[], Awaitable[bool]]] = field(default_factory=dict)
    """For /readyz: part -> whether it answers. A raise means no."""
    checks: Sequence[Callable[[], Awaitable[Sequence[Finding]]]] = ()
    """For `doctor`."""

    @property
    def redirect_uri(self) -> str:
        """The address that a Spotify app must allow."""
        return f"{self.settings.origin}/callback"


def needed(part: Part | None, what: str) -> Part:
    """The part, or Unavailable where this process does not have it."""
    if part is None:
        raise Unavailable(
            f"{what} is not part of this process.", cure="Ask the process that runs it, or use `spotifire up`."
        )
    return part
