"""What the page shows of one listener in one window: gathered here, written by the templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from api.profiles import profile_of
from api.services import Services, needed
from api.shapes import Profile
from sinks.rows import Coverage, HourRow, ListenerRow, Play, Playback, TopRow, Totals
from sinks.windows import Window

By = Literal["plays", "minutes"]
Ranked = Literal["artists", "tracks", "albums"]

RECENT = 14
RANKED = 10
GENRES = 12


@dataclass(frozen=True)
class Choice:
    """What is chosen on the page; links change one of it and keep the rest."""

    listener: str
    window: str
    by: By
    top: Ranked

    def link(self, **changes: str) -> str:
        """The page's address with something else chosen."""
        chosen = {"listener": self.listener, "window": self.window, "by": self.by, "top": self.top, **changes}
        return "/?" + urlencode(chosen)


@dataclass(frozen=True)
class View:
    """Everything that the page shows of a listener."""

    listener: ListenerRow
    choice: Choice
    window: Window
    profile: Profile
    now: Playback | None
    plays: list[Play]
    totals: Totals
    hours: list[HourRow]
    top: list[TopRow]
    genres: list[TopRow]
    coverage: Coverage
    gaps: int

    def weight(self, row: HourRow | TopRow) -> float:
        """A row's size by what is ranked."""
        return float(row.minutes if self.choice.by == "minutes" else row.plays)

    @property
    def most(self) -> float:
        """The size of the first in the ranking."""
        return max((self.weight(row) for row in self.top), default=0.0) or 1.0

    @property
    def year(self) -> int:
        """The year that it is where the listener lives."""
        return datetime.now(ZoneInfo(self.listener.zone)).year

    @property
    def busiest(self) -> int | None:
        """The hour with the most, or None without plays."""
        best = max(self.hours, key=self.weight, default=None)
        return best.hour if best is not None and self.weight(best) > 0 else None


def gather(services: Services, listener: ListenerRow, choice: Choice, window: Window) -> View:
    """Blocks on the database."""
    reader = needed(services.reader, "The database")
    number = listener.id
    return View(
        listener=listener,
        choice=choice,
        window=window,
        profile=profile_of(services, listener, window),
        now=reader.now(number),
        plays=list(reader.recent(number, RECENT)),
        totals=reader.totals(number, window),
        hours=list(reader.clock(number, window, choice.by)),
        top=list(reader.top(number, choice.top, window, choice.by, RANKED)),
        genres=list(reader.top(number, "genres", window, choice.by, GENRES)),
        coverage=reader.genre_coverage(number, window),
        gaps=len(reader.gaps(number)),
    )
