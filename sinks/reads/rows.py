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


@dataclass(frozen=True)
class LookRow:
    """As of when one list of the library is known. `total` is what Spotify said; of a top list at most 100 are read."""

    kind: str
    time_range: str
    looked_at: datetime
    total: int


@dataclass(frozen=True)
class FavouriteRow:
    """A favourite by its place in the top lists of 4 weeks, 6 months and 1 year; None where it is in none.

    `trend` (new, risen, steady, fallen, left) and `places` say how the place of 4 weeks differs from that
    of 6 months, or of the year where there is none of 6 months. `title` is empty for an artist.
    """

    item: str
    title: str
    artist: str
    artist_id: str
    image_url: str
    uri: str
    short: int | None
    medium: int | None
    long: int | None
    trend: str
    places: int | None


@dataclass(frozen=True)
class SavedRow:
    """A saved track."""

    item: str
    title: str
    artist: str
    artist_id: str
    album: str
    image_url: str
    uri: str
    added_at: datetime | None


@dataclass(frozen=True)
class NeverPlayed:
    """Of how many saved tracks how many have no counted play, and the newest of those."""

    saved: int
    never_played: int
    rows: tuple[SavedRow, ...]


@dataclass(frozen=True)
class FollowedRow:
    """A followed artist and the counted plays: all, of the recent 90 days, and of the 365 days before those.

    The days are counted back from the listener's newest day with music. `state`: never (no play), dropped
    (none in the recent days), fading (a fifth or less as often a day as before, of at least 20 plays), heard.
    """

    item: str
    artist: str
    image_url: str
    uri: str
    plays: int
    plays_recent: int
    plays_before: int
    last_at: datetime | None
    state: str


@dataclass(frozen=True)
class Followed:
    """How many followed artists there are of each state, and those who are not simply heard, most played first."""

    followed: int
    heard: int
    fading: int
    dropped: int
    never: int
    rows: tuple[FollowedRow, ...]


@dataclass(frozen=True)
class WellKnownRow:
    """How well known the artists of a list are. `what` is a kind of the library, or `plays` to compare with.

    `index` is their mean popularity (0 to 100), `mainstream` the share with 60 or more, both of the items whose
    artist's popularity is known: `coverage` says of what share that is. None where none is. The bands are of
    20 points each.
    """

    what: str
    items: int
    coverage: float
    index: float | None
    mainstream: float | None
    niche: int
    rising: int
    known: int
    popular: int
    star: int
