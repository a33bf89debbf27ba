"""What streams and producers need from the outside, as small Protocols.

`sinks` implements them and `deploy` hands them in. Every method is synchronous and may block:
the embedded engine is, so callers run them in a thread. Every method may raise
StoreUnavailable (retriable) and nothing else, unless it says so. Arrow tables have the schemas
of streams/contracts/tables.py. Times are Unix milliseconds UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import pyarrow as pa
from msgspec import Struct

from streams.contracts.events import ArtistDescribed


class ZonePeriod(Struct, frozen=True):
    """From `starts` on the listener lived by `zone` (an IANA name). The first period starts at 0."""

    starts: int
    zone: str


class ListenerSettings(Struct, frozen=True, kw_only=True):
    """What the worker must know of a listener."""

    listener: int
    name: str
    zones: tuple[ZonePeriod, ...]  # ascending by start, never empty; travel is two entries
    hemisphere: Literal["", "north", "south"] = ""  # "" means: from the zone's coordinates
    is_demo: bool = False
    erased_at: int | None = None  # when erasing was asked for; whatever comes for them is refused
    min_ms_played: int = 30_000  # a play counts when ms_played is unknown or at least this
    count_incognito: bool = False
    finished_only: bool = False


class CatalogArtist(Struct, frozen=True, kw_only=True):
    """An artist as the catalogue knows it, genre already decided."""

    artist_id: str
    name: str
    genre: str  # a family of enrich/genre.py, or "unknown"
    subgenre: str
    popularity: int | None = None


class Span(Struct, frozen=True):
    """A closed interval of one listener's time, Unix milliseconds UTC."""

    listener: int
    start: int
    end: int


class PlayStore(Protocol):
    """Where the worker's rows go. A write returns when the rows are durable; it may repeat."""

    def newest_version(self) -> int:
        """The highest version in `plays` and `sightings`, or 0: versions go on from there."""

    def sightings_within(self, spans: Sequence[Span]) -> pa.Table:
        """Live sightings (schema SIGHTINGS), of every kind, whose `ended_at` lies in a span."""

    def sightings_of(self, listener: int) -> pa.Table:
        """All live sightings (schema SIGHTINGS) of one listener, by end: for re-stamping."""

    def write_plays(self, plays: pa.Table) -> None:
        """Schema PLAYS. Rows with `is_deleted` 1 remove a play id that is superseded."""

    def write_sightings(self, sightings: pa.Table, import_rows: pa.Table) -> None:
        """Schemas SIGHTINGS and IMPORT_ROWS. Import rows first: the sightings are the commit mark."""

    def write_dead_letters(self, dead_letters: pa.Table) -> None:
        """Schema DEAD_LETTERS."""

    def write_playback(self, playback: pa.Table) -> None:
        """Schema PLAYBACK."""

    def erase(self, listener: int) -> Mapping[str, int]:
        """Delete every row of a listener in every table but the settings; rows deleted by table."""


class Reference(Protocol):
    """Reference data, looked up by key."""

    def listeners(self, ids: Collection[int]) -> Mapping[int, ListenerSettings]:
        """Settings of those that exist; unknown ids are simply absent."""

    def artists_by_id(self, ids: Collection[str]) -> Mapping[str, CatalogArtist]:
        """By Spotify artist id; unknown ids are absent."""

    def artists_by_name(self, folded: Collection[str]) -> Mapping[str, Sequence[CatalogArtist]]:
        """By folded name (streams.contracts.ids.fold), namesakes by popularity, best first."""


class Command(Struct, frozen=True, kw_only=True):
    """A command to the one writer of a listener, as its row in ClickHouse says it."""

    command_id: int
    listener: int
    kind: Literal["restamp", "erase"]
    asked_at: int
    state: Literal["asked", "done"] = "asked"
    detail: str = ""


class CommandLog(Protocol):
    """Commands are rows first, so each is resumable and visible."""

    def ask(self, listener: int, kind: Literal["restamp", "erase"]) -> Command:
        """Write a command's row and return it. Asking to erase also sets the cut-off."""

    def open_commands(self, listener: int) -> Sequence[Command]:
        """Those of a listener that are not done, oldest first."""

    def done(self, command: Command, detail: str) -> None:
        """Mark it as done."""


class Collected(Protocol):
    """What collectors need to resume after a kill: asked of the rows, not of a file beside them."""

    def newest_end(self, listener: int, source: str) -> int | None:
        """The newest `reported_end` of a live sighting of that source."""

    def ids_since(self, listener: int, source: str, since: int) -> set[int]:
        """Ids of live sightings of that source with `reported_end` >= since."""

    def note_gap(self, listener: int, source: str, start: int, end: int) -> None:
        """Plays may be missing between start and end; noting it twice changes nothing."""


class Reconciliation(Struct, frozen=True, kw_only=True):
    """read = stored + known + the sum of refused, proven by queries (see ImportLedger)."""

    import_id: str
    read: int
    stored: int  # sightings that this import was the first to bring
    known: int  # rows whose sighting was there before, or stands twice in the files
    refused: dict[str, int]  # by reason: the dead letters of this import
    plays_new: int
    plays_merged: int
    gaps_closed: int
    seconds: float


class ImportLedger(Protocol):
    """The table `imports`, and the proof of what became of an import's rows.

    The importer refuses nothing itself: what it cannot make an event of, it publishes as it can
    (allow-listed fields only, or an empty value), and the worker refuses it by name. So every
    row of a file ends in `sightings`/`import_rows` or among the dead letters of its import.
    """

    def start(self, listener: int, import_id: int, files: Sequence[str]) -> None:
        """Write the import's row (state running) and remember how many plays there are now."""

    def progress(self, import_id: int, read: int, published: int) -> None:
        """Counters of the reader so far, for whoever watches."""

    def finish(self, import_id: int, read: int, repeats: int, seconds: float) -> Reconciliation:
        """Count by queries, store the report, return it. `repeats`: rows whose id stood in the files before.

        Raises SpotifireError when read != stored + known + refused, after storing the report.
        """

    def fail(self, import_id: int, why: str) -> None:
        """Mark it as failed, with the reason that a person reads."""


class Connection(Struct, frozen=True, kw_only=True):
    """A listener's connection to Spotify. Secrets are Fernet tokens (bytes as text), never plain."""

    listener: int
    client_id: str
    client_secret: str  # encrypted, "" where the flow is PKCE
    refresh_token: str  # encrypted, "" while not granted
    account_id: str = ""
    scope: str = ""
    granted_at: int | None = None  # the token dies six months after this
    state: Literal["pending", "connected", "reconnect"] = "pending"
    detail: str = ""


class Connections(Protocol):
    """The table that no reader's role can see."""

    def all(self) -> Sequence[Connection]:
        """Every connection."""

    def get(self, listener: int) -> Connection | None:
        """One listener's connection."""

    def put(self, connection: Connection) -> None:
        """Write it; the newest wins."""


class Catalog(Protocol):
    """The artist catalogue's write side."""

    def put_artists(self, artists: Sequence[ArtistDescribed], genres: Sequence[tuple[str, str]]) -> int:
        """Store artists with their decided (genre, subgenre); how many were new or changed."""

    def listeners_with(self, names: Collection[str], ids: Collection[str]) -> Sequence[int]:
        """Listeners who have plays by artists of those folded names or ids: they need a re-stamp."""
