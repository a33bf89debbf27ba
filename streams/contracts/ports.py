"""What streams and producers need from the outside, as small Protocols.

`sinks` implements them and `deploy` hands them in. Every method is synchronous and may block:
the embedded engine is, so callers run them in a thread. Every method may raise
StoreUnavailable (retriable) and nothing else, unless it says so. Arrow tables have the schemas
of streams/contracts/tables.py. Times are Unix milliseconds UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import pyarrow as pa
from msgspec import Struct

from streams.contracts.events import ArtistDescribed, LibraryKind, TimeRange
from streams.contracts.topics import Topic


class ZonePeriod(Struct, frozen=True):
    """From `starts` on the listener lived by `zone` (an IANA name). The first period starts at 0."""

    starts: int
    zone: str


class Corrections(Struct, frozen=True):
    """What a listener corrected. A key of a track is a URI or streams.contracts.ids.name_key."""

    plays: frozenset[int] = frozenset()  # hidden: every id that such a play can have, by its sightings
    artists: frozenset[str] = frozenset()  # hidden: artist ids and folded names
    tracks: frozenset[str] = frozenset()  # hidden: keys
    merged: Mapping[str, str] = {}  # key of a track -> URI of the track that it counts as
    undone: frozenset[int] = frozenset()  # imports whose records are refused
    keeps_countries: bool = True  # False: sightings are stored without the country of a play


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
    corrections: Corrections | None = None  # None: there are none


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
        """The highest version in `plays`, `sightings` and `import_rows`, or 0: versions go on from there."""

    def sightings_within(self, spans: Sequence[Span]) -> pa.Table:
        """Live sightings (schema SIGHTINGS), of every kind, whose `ended_at` lies in a span."""

    def newest_ends(self, listeners: Collection[int]) -> Mapping[int, int]:
        """By listener the newest `ended_at` of their sightings, removed ones too; without any, absent."""

    def corrected_ends(self, listeners: Collection[int]) -> pa.Table:
        """listener, sighting_id and ended_at of their sightings, removed ones too, that do not end as reported."""

    def sightings_after(self, listener: int, after: int, limit: int) -> pa.Table:
        """The first `limit` live sightings (schema SIGHTINGS) of one listener that end later, by end and id."""

    def write_plays(self, plays: pa.Table) -> None:
        """Schema PLAYS. Rows with `is_deleted` 1 remove a play id that is superseded."""

    def write_sightings(self, sightings: pa.Table, import_rows: pa.Table) -> None:
        """Schemas SIGHTINGS and IMPORT_ROWS. Import rows first: the sightings are the commit mark."""

    def write_dead_letters(self, dead_letters: pa.Table) -> None:
        """Schema DEAD_LETTERS."""

    def write_playback(self, playback: pa.Table) -> None:
        """Schema PLAYBACK."""

    def keys_of(self, listener: int, topic: Topic, start: int, limit: int) -> Sequence[str]:
        """Of a topic of topics.LASTING: the keys that rows of a listener have, whatever became of what they say.

        In order, from number `start` on.
        """

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

    def artists_of_tracks(self, uris: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Artist ids by a track's URI, as polls said them; tracks that no poll saw are absent."""

    def forget(self, listener: int) -> None:
        """The next answers are those of the tables as they are now: before a command of a listener is done.

        Otherwise answers may be a second old.
        """


CommandKind = Literal[
    "restamp", "erase", "undo-import", "hide", "unhide", "merge", "unmerge", "drop-countries", "keep-countries"
]


class Command(Struct, frozen=True, kw_only=True):
    """A command to the one writer of a listener, as its row in ClickHouse says it."""

    command_id: int
    listener: int
    kind: CommandKind
    asked_at: int
    state: Literal["asked", "working", "done"] = "asked"
    detail: str = ""
    arguments: Mapping[str, str] = {}  # by streams/commands.py: what each kind takes


class CommandLog(Protocol):
    """Commands are rows first, so each is resumable and visible."""

    def ask(self, listener: int, kind: CommandKind, arguments: Mapping[str, str] | None = None) -> Command:
        """Write a command's row and return it. Asking to erase also sets the cut-off."""

    def open_commands(self, listener: int) -> Sequence[Command]:
        """Those of a listener that are not done, oldest first."""

    def working(self, command: Command, detail: str) -> None:
        """Note how far it is."""

    def done(self, command: Command, detail: str) -> None:
        """Mark it as done."""


class Correction(Struct, frozen=True, kw_only=True):
    """One row of what a listener corrected."""

    listener: int
    kind: Literal["play", "artist", "track", "merge", "undo", "country"]  # undo: of an import; country: none are kept
    subject: str  # play id, artist id or folded name, URI, or import id
    target: str = ""  # merge: URI of the track that the subject counts as
    ids: tuple[int, ...] = ()  # play: every id that it can have
    keys: tuple[str, ...] = ()  # artist: ids and folded names; track, merge: keys
    label: str = ""  # what a person reads


class Held(Struct, frozen=True):
    """Some of what an import holds."""

    rows: pa.Table  # schema IMPORT_ROWS, live
    sightings: pa.Table  # schema SIGHTINGS: theirs, each in its newest version, also where that removes it
    others: Mapping[int, int]  # sighting id -> what else brought it, earliest first: an import, or 0 for none


class CorrectionStore(Protocol):
    """The table `corrections`. Each write may be repeated."""

    def of(self, listener: int) -> Sequence[Correction]:
        """What a listener corrected, oldest first."""

    def put(self, corrections: Sequence[Correction]) -> None:
        """Add, or replace those of the same kind and subject."""

    def remove(self, corrections: Sequence[Correction]) -> None:
        """Take back."""

    def names_of(self, listener: int, uri: str) -> Sequence[tuple[str, str]]:
        """First artist and title, as given, of a listener's sightings of a track."""

    def drop_countries(self, listener: int) -> int:
        """Empty `country` in all rows of a listener's sightings and plays; of how many sightings."""

    def play_ids(self, listener: int, after: int, limit: int) -> Sequence[int]:
        """The first live play ids of a listener above `after`, ascending."""


class HeldImports(Protocol):
    """What is needed to undo an import. Each write may be repeated."""

    def held(self, listener: int, import_id: int, limit: int) -> Held:
        """The first rows, by end, that an import of this listener holds."""

    def close(self, listener: int, import_id: int) -> None:
        """Once it holds nothing: its gaps open again, its dead letters gone, its row `undone`, and the
        reports of the imports that hold its rows now counted anew."""


class Collected(Protocol):
    """What collectors need to resume after a kill: asked of the rows, not of a file beside them."""

    def newest_end(self, listener: int, source: str) -> int | None:
        """The newest `reported_end` of a live sighting of that source."""

    def ids_since(self, listener: int, source: str, since: int) -> set[int]:
        """Ids of live sightings of that source with `reported_end` >= since."""

    def note_gap(self, listener: int, source: str, start: int, end: int) -> None:
        """Plays may be missing between start and end; noting it twice changes nothing."""


class Shelf(Struct, frozen=True):
    """One of a listener's lists: what was saved or followed (no range), or a top list of one range."""

    kind: LibraryKind
    time_range: TimeRange = ""


class LibraryEntry(Struct, frozen=True, kw_only=True):
    """A track or an artist as a list names it, and since when it stands there. Unknown texts are ""."""

    item: str  # Spotify id
    position: int = 0  # in a top list, from 1
    title: str = ""  # of a track
    artist: str = ""
    artist_id: str = ""
    album: str = ""
    image_url: str = ""
    uri: str = ""
    isrc: str = ""
    added_at: int | None = None  # when the listener saved it, as Spotify says
    seen_at: int = 0  # when we saw it there first; only of what is stored
    removed_at: int | None = None  # the first look at which it was gone


class Look(Struct, frozen=True, kw_only=True):
    """What is known of the last look at a list that was stored and published."""

    looked_at: int
    whole_at: int  # the last look that read the whole list
    total: int  # items that the source says the list has
    version: int = 0  # what was stored up to it is published


class LibraryChanges(Struct, frozen=True):
    """Rows to publish: what a look changed, and what an earlier one changed that was cut off before it published."""

    entries: Sequence[LibraryEntry]
    version: int  # above every row of the list


class Library(Protocol):
    """The tables of what listeners saved, follow and hear most. Nothing is written of an erased listener."""

    def erased(self, listeners: Collection[int]) -> Collection[int]:
        """Who of them was erased, or is to be."""

    def looks(self, listener: int) -> Mapping[Shelf, Look]:
        """Each list that was ever looked at."""

    def standing(self, listener: int, shelf: Shelf) -> Mapping[str, int | None]:
        """The items that stand in a list, and when each was added there."""

    def synchronise(
        self, listener: int, shelf: Shelf, listed: Sequence[LibraryEntry], *, whole: bool, looked_at: int
    ) -> LibraryChanges:
        """Store what differs from what is stored, in one insert. Durable when it returns; may be repeated.

        `whole`: what is not listed is gone. Else only what is new or differs is stored.
        """

    def looked(self, listener: int, shelf: Shelf, look: Look) -> None:
        """Note a look once its changes are published."""


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
    first: datetime | None = None  # UTC: when the first and the last of its rows that are stored ended
    last: datetime | None = None  # None where none is, and in reports from before it was noted


class ImportLedger(Protocol):
    """The table `imports`, and the proof of what became of an import's rows.

    The importer refuses nothing itself: what it cannot make an event of, it publishes as it can
    (allow-listed fields only, or an empty value), and the worker refuses it by name. So every
    row of a file ends in `sightings`/`import_rows` or among the dead letters of its import.
    """

    def start(
        self, listener: int, import_id: int, files: Sequence[str], left_out: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Write the import's row (state running) and remember how many plays there are now.

        `left_out`: files that are not read, and why.
        """

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


class CatalogChanges(Struct, frozen=True):
    """What storing artists changed, and whose plays are stamped otherwise from now on."""

    stored: int = 0  # descriptions that are new or differ
    names: frozenset[str] = frozenset()  # folded
    ids: frozenset[str] = frozenset()


class Catalog(Protocol):
    """The artist catalogue's write side."""

    def put_artists(self, artists: Sequence[ArtistDescribed], genres: Sequence[tuple[str, str]]) -> CatalogChanges:
        """Store artists with their decided (genre, subgenre); what that changed."""

    def listeners_with(self, names: Collection[str], ids: Collection[str]) -> Sequence[int]:
        """Listeners who have plays that credit artists of those folded names or ids: they need a re-stamp."""
