"""What the routes answer with, where a row of sinks.reader is not the whole answer.

Frozen dataclasses: FastAPI writes them as JSON and describes them in the OpenAPI document.
Ids are 16 hexadecimal digits, times ISO 8601 in UTC, local dates and times as they were stamped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from api.services import Finding
from sinks.reads.rows import (
    CatalogueRow,
    DayRow,
    DiscoveryRow,
    EvolutionRow,
    FavouriteRow,
    Followed,
    LookRow,
    MainstreamRow,
    NeverPlayed,
    WeekRow,
    WellKnownRow,
)
from sinks.rows import (
    CorrectionRow,
    DeadLetterRow,
    GapRow,
    HourRow,
    ImportRow,
    ListenerRow,
    Play,
    RecordingRow,
    TopRow,
)
from sinks.tokens import TokenRow


@dataclass(frozen=True, kw_only=True)
class ListenerShape(ListenerRow):
    """A listener, the zone they live by now, and whether they are connected to Spotify."""

    time_zone: str = ""
    connection: str = "none"


@dataclass(frozen=True)
class Listeners:
    """Those whom the caller may see."""

    listeners: list[ListenerShape]


@dataclass(frozen=True, kw_only=True)
class PlayShape(Play):
    """A play, and when it began by the listener's clock: `local_time` is `21:42` on `local_date`."""

    local_time: str = ""


@dataclass(frozen=True)
class RecentPage:
    """Plays, newest first. `next` is the cursor of the following page, null on the last."""

    plays: list[PlayShape]
    next: str | None


@dataclass(frozen=True)
class Top:
    """A ranking in a window, most first."""

    window: str
    by: str
    rows: list[TopRow]


@dataclass(frozen=True)
class Clock:
    """Plays by local hour: always 24 rows."""

    window: str
    by: str
    hours: list[HourRow]


@dataclass(frozen=True)
class Week:
    """Plays by weekday and local hour: always 7 x 24 rows, Monday 0 o'clock first."""

    window: str
    hours: list[WeekRow]


@dataclass(frozen=True)
class Calendar:
    """The local days with music, oldest first."""

    window: str
    days: list[DayRow]


@dataclass(frozen=True)
class Mainstream:
    """How popular the played artists are, 0 to 100, by period, oldest first."""

    window: str
    per: str
    rows: list[MainstreamRow]


@dataclass(frozen=True)
class Evolution:
    """Plays by family in each period, oldest first, most first within it."""

    window: str
    per: str
    rows: list[EvolutionRow]


@dataclass(frozen=True)
class Discovery:
    """First hearings by period, oldest first."""

    window: str
    per: str
    rows: list[DiscoveryRow]


@dataclass(frozen=True)
class Favourites:
    """By their place in 4 weeks, then in 6 months, then in the year."""

    artists: list[FavouriteRow]
    tracks: list[FavouriteRow]


@dataclass(frozen=True)
class Library:
    """The library against all counted plays. `looks` say as of when; none: nothing of it is known yet."""

    looks: list[LookRow]
    favourites: Favourites
    never_played: NeverPlayed
    followed: Followed
    well_known: list[WellKnownRow]


@dataclass(frozen=True)
class Catalogue:
    """Artists by family and popularity. `next` is the offset of the following page, null on the last."""

    artists: list[CatalogueRow]
    next: int | None


@dataclass(frozen=True)
class Gaps:
    """Times in which plays may be missing."""

    gaps: list[GapRow]


@dataclass(frozen=True)
class Imports:
    """A listener's imports, newest first."""

    imports: list[ImportRow]


@dataclass(frozen=True)
class DeadLetters:
    """What was refused, newest first."""

    dead_letters: list[DeadLetterRow]


@dataclass(frozen=True, kw_only=True)
class DeadLetter(DeadLetterRow):
    """One refused record: its whole text, and its key and headers as text, undecodable bytes replaced."""

    key: str
    headers: list[Header]


@dataclass(frozen=True)
class Header:
    """A record's header."""

    name: str
    value: str


@dataclass(frozen=True)
class Replayed:
    """What became of dead letters that were published again.

    `stored`: their sightings are there now. `refused`: once more, see their reasons. `waiting`: the
    worker has not come to them. `skipped`: nothing was published, by reason.
    """

    stored: list[str]
    refused: list[str]
    waiting: list[str]
    skipped: dict[str, str]


@dataclass(frozen=True)
class CommandShape:
    """Work that a listener's worker was asked for: `asked`, `working` or `done`, and what came of it."""

    listener: str
    command_id: str
    kind: str
    arguments: dict[str, str]
    asked_at: datetime
    state: str
    detail: str


@dataclass(frozen=True)
class Commands:
    """A listener's commands, newest first."""

    commands: list[CommandShape]


@dataclass(frozen=True)
class Corrections:
    """What a listener hid and merged, newest first."""

    corrections: list[CorrectionRow]


@dataclass(frozen=True)
class Recordings:
    """Tracks that share an ISRC and do not count as one: what could be merged, most played first."""

    recordings: list[RecordingRow]


@dataclass(frozen=True)
class Profile:
    """Who a listener is in a window. `persona` is null where there is not enough data; `reasons` say why."""

    listener: str
    name: str
    window: str
    computed_at: datetime | None
    plays: int
    persona: str | None
    confidence: float | None
    reasons: list[str]
    features: dict[str, float]


@dataclass(frozen=True)
class ConnectionState:
    """A connection to Spotify: none, pending, connected or reconnect. Never a secret."""

    state: str
    detail: str = ""
    account_id: str = ""
    client_id: str = ""
    redirect_uri: str = ""
    granted_at: datetime | None = None


@dataclass(frozen=True)
class ConnectionBegun:
    """Where to agree, and the address that the Spotify app must allow."""

    url: str
    redirect_uri: str


@dataclass(frozen=True)
class Asked:
    """Work that the listener's worker was asked for."""

    listener: str
    command_id: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class TokenShape(TokenRow):
    """A token without its text. A listener's opens that listener alone; an owner's reads everything."""

    listener_name: str = ""


@dataclass(frozen=True, kw_only=True)
class TokenMade(TokenShape):
    """A new token, and this once its text."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class Tokens:
    """The tokens in force, oldest first."""

    tokens: list[TokenShape]


@dataclass(frozen=True)
class CatalogCounts:
    """What became of a catalogue file, and how many listeners' plays are stamped again for it."""

    read: int
    stored: int
    refused: dict[str, int]
    restamped: int


@dataclass(frozen=True)
class Removed:
    """What `demo remove` asked for: how many listeners, and the commands that delete them."""

    listeners: int
    commands: list[Asked]


@dataclass(frozen=True)
class SqlAnswer:
    """Columns and rows of a read-only query. 64-bit integers beyond 2^53 are text."""

    columns: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Findings:
    """What `doctor` found."""

    findings: list[Finding]
