"""What the reader returns: frozen rows that FastAPI serialises as they are.

Ids are 16 hexadecimal digits, times are aware datetimes in UTC, unknown texts "" and unknown
numbers None, as in the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sinks.times import to_ms
from streams.contracts.ids import from_hex, to_hex
from streams.contracts.ports import ZonePeriod

LISTENER_FIELDS = (
    "listener", "name", "account_id", "is_demo", "created_at", "zones", "hemisphere", "min_ms_played",
    "count_incognito", "finished_only", "profile_sources",
)  # fmt: skip


@dataclass(frozen=True)
class ZoneRow:
    """From `starts` (UTC) on the listener lived by `zone`; the first period starts in 1970."""

    starts: datetime
    zone: str


@dataclass(frozen=True)
class ListenerRow:
    """A listener and the settings that decide what counts."""

    listener: str
    name: str
    account_id: str
    is_demo: bool
    created_at: datetime
    zones: tuple[ZoneRow, ...]
    hemisphere: str
    min_ms_played: int
    count_incognito: bool
    finished_only: bool
    profile_sources: str

    @property
    def id(self) -> int:
        """The id as it is inside."""
        return from_hex(self.listener)

    @property
    def zone(self) -> str:
        """The zone that the listener lives by now."""
        return self.zone_at(datetime.now(UTC))

    def zone_at(self, moment: datetime) -> str:
        """The zone that the listener lives by at an aware moment; a move may lie ahead of it."""
        return [period.zone for period in self.zones if period.starts <= moment][-1]

    def periods(self) -> tuple[ZonePeriod, ...]:
        """The zone history as the worker has it."""
        return tuple(ZonePeriod(to_ms(z.starts), z.zone) for z in self.zones)


@dataclass(frozen=True)
class Play:
    """One play. `minutes` is what was heard; `sources` best rank first."""

    play_id: str
    ended_at: datetime
    started_at: datetime | None
    ms_played: int | None
    ms_played_is_estimate: bool
    duration_ms: int | None
    uri: str
    title: str
    artist: str
    artist_names: tuple[str, ...]
    artist_id: str
    artist_is_guess: bool
    album: str
    image_url: str
    local_date: date
    local_hour: int
    weekday: int
    utc_offset_minutes: int
    time_zone: str
    season: str
    genre: str
    subgenre: str
    skipped: bool | None
    incognito: bool | None
    counted: bool  # by the listener's own settings, and not hidden
    hidden: bool
    sources: tuple[str, ...]


@dataclass(frozen=True)
class TopRow:
    """One line of a ranking. `artist`, `uri`, `image_url` and `key` as far as the thing has them."""

    rank: int
    name: str
    artist: str
    key: str  # groups by it: artist id or folded name, track, album, genre
    uri: str
    image_url: str
    plays: int
    minutes: float
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class HourRow:
    """Plays and minutes that began in one local hour."""

    hour: int
    plays: int
    minutes: float


@dataclass(frozen=True)
class Totals:
    """Counted plays of a window. `days` are local days with at least one."""

    plays: int
    minutes: float
    artists: int
    tracks: int
    days: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True)
class Coverage:
    """Of how many counted plays the genre is known; `share` is 0 to 1."""

    plays: int
    known: int
    share: float


@dataclass(frozen=True)
class Playback:
    """What plays at this moment."""

    observed_at: datetime
    is_playing: bool
    uri: str
    title: str
    artist_names: tuple[str, ...]
    album: str
    image_url: str
    progress_ms: int | None
    duration_ms: int | None


@dataclass(frozen=True)
class LeftOut:
    """A file that was handed in and held no plays, and why it was not read."""

    file: str
    why: str


@dataclass(frozen=True)
class RefusedRows:
    """Rows of an import that were refused for one reason: how many, what was said, and where some stand."""

    reason: str
    rows: int
    message: str
    places: tuple[str, ...]  # file#row, the first row of a file is 1


@dataclass(frozen=True)
class ImportRow:
    """An import. `report` is the reconciliation, `reason` what failed, whichever there is."""

    import_id: str
    listener: str
    state: str
    files: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    started_at: datetime
    finished_at: datetime | None
    read: int
    published: int
    report: dict[str, Any] | None
    reason: str


@dataclass(frozen=True)
class GapRow:
    """Plays may be missing in between; `closed_at` is None while nothing covered it."""

    source: str
    gap_start: datetime
    gap_end: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class CorrectionRow:
    """Something that the listener hid (a play, an artist, a track), or a track that counts as `target`."""

    kind: str
    subject: str
    target: str
    label: str
    made_at: datetime


@dataclass(frozen=True)
class RecordingRow:
    """Tracks that share an ISRC, the one that was played most first."""

    isrc: str
    artist: str
    uris: tuple[str, ...]
    titles: tuple[str, ...]
    plays: int


@dataclass(frozen=True)
class DeadLetterRow:
    """A refused record. `payload` is its text, or the beginning of it, undecodable bytes replaced."""

    dead_letter_id: str
    refused_at: datetime
    reason: str
    message: str
    listener: str  # "" where the record does not say
    import_id: str
    origin: str
    topic: str
    partition: int
    offset: int
    payload: str
    replayed_at: datetime | None = None  # when it was published again last
    resolved_at: datetime | None = None  # when it was found stored after that


@dataclass(frozen=True)
class ProfileRow:
    """Who a listener was in a window. `persona` is None where there were too few plays; reasons say so."""

    listener: str
    window: str
    computed_at: datetime
    plays: int
    model_id: str
    persona: str | None
    confidence: float | None
    reasons: tuple[str, ...]
    features: dict[str, float]


@dataclass(frozen=True)
class Table:
    """The result of free SQL. `truncated` when there were more rows than asked for."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool = False


def listener_row(row: Mapping[str, Any]) -> ListenerRow:
    """A row of `listeners` (LISTENER_FIELDS) as the outside sees it."""
    zones = [tuple(z.values()) if isinstance(z, Mapping) else z for z in row["zones"]]
    return ListenerRow(
        listener=to_hex(row["listener"]),
        name=row["name"],
        account_id=row["account_id"],
        is_demo=row["is_demo"],
        created_at=row["created_at"],
        zones=tuple(sorted((ZoneRow(starts, zone) for starts, zone in zones), key=lambda z: z.starts)),
        hemisphere=row["hemisphere"],
        min_ms_played=row["min_ms_played"],
        count_incognito=row["count_incognito"],
        finished_only=row["finished_only"],
        profile_sources=row["profile_sources"],
    )
