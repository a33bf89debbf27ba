"""What the reads of habits return: frozen rows that FastAPI serialises as they are.

Days are the listener's local ones, times aware datetimes in UTC. Plays are those that the
listener's settings count; minutes are minutes heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class WeekRow:
    """Plays and minutes that began in one local hour of one weekday (1 is Monday)."""

    weekday: int
    hour: int
    plays: int
    minutes: float


@dataclass(frozen=True)
class DayRow:
    """One local day with music."""

    day: date
    plays: int
    minutes: float


@dataclass(frozen=True)
class Streak:
    """Days in a row with at least one play, both ends inside."""

    first_day: date
    last_day: date
    days: int


@dataclass(frozen=True)
class Streaks:
    """`current` reaches today or yesterday; None where there is none."""

    current: Streak | None
    longest: Streak | None


@dataclass(frozen=True)
class SessionRow:
    """One sitting: less than 30 minutes of silence between its plays. `length_minutes` from first start to last end."""

    started_at: datetime
    ended_at: datetime
    local_date: date
    plays: int
    minutes: float
    length_minutes: float


@dataclass(frozen=True)
class Sessions:
    """How many sittings, their median and longest length in minutes, and the newest of them."""

    sessions: int
    median_minutes: float
    longest_minutes: float
    rows: tuple[SessionRow, ...]


@dataclass(frozen=True)
class MainstreamRow:
    """Popularity (0 to 100) of the artists, mean over plays whose artist's is known; None where none is.

    `starts` is the first day of the period; `share` says of how many plays it is known, 0 to 1.
    """

    starts: date
    index: float | None
    plays: int
    share: float


@dataclass(frozen=True)
class EvolutionRow:
    """One family in one period. `season` is named where periods are seasons; `share` of its plays, 0 to 1."""

    starts: date
    season: str
    genre: str
    plays: int
    minutes: float
    share: float


@dataclass(frozen=True)
class DiscoveryRow:
    """Artists and tracks of which the period has the first hearing ever known."""

    starts: date
    plays: int
    new_artists: int
    new_tracks: int


@dataclass(frozen=True)
class CatalogueRow:
    """An artist of the catalogue. `band` is niche, rising, known, popular or star: 20 points of popularity each."""

    artist_id: str
    name: str
    genre: str
    subgenre: str
    popularity: int | None
    band: str
