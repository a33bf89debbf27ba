"""What listening looks like in figures: one row a listener and window, by one SQL query.

Every feature is a rate or a share, so that a month and a year can be compared. Hours are the
stamped local ones. The query is features.sql; it takes the names of its relations, so training
can run it over a scratch table with the columns of `plays`.

Beside the features the frame has `plays`, `active_days`, `days` (of the window that the known
history covers), `first_at` and `last_at` (UTC), `genre_coverage` and `popularity_coverage`
(share of plays whose genre, whose artist's popularity is known) and `typical_hour` (0 to 24,
the direction of the mean vector on the clock's circle: a mean of 23 h and 1 h is midnight).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from msgspec import Struct

from sinks.clickhouse import ClickHouse
from sinks.windows import AFTER, BEFORE
from streams.contracts.sources import ACCOUNT_EXPORT, EXTENDED_EXPORT

MIN_PLAYS = 50  # counted plays in the window; also the size of the draw of artists_per_50
MIN_DAYS = 7  # local days with plays: one party is no habit

EARLIEST = date(1970, 1, 1)
LATEST = date(2100, 1, 1)  # before the seconds of a play id overflow

Show = Literal["percent", "whole", "decimal", "minutes", "genres"]


class Feature(Struct, frozen=True):
    """One feature. `sentence` holds {value}; `logged` ones are compared by their logarithm."""

    name: str
    unit: str
    formula: str
    sentence: str
    show: Show
    logged: bool = False

    def text(self, value: float) -> str:
        """The value as a person reads it."""
        if self.show == "percent":
            return f"{value * 100:.0f}%"
        if self.show == "genres":
            return f"{2**value:.1f}"
        if self.show == "minutes":
            return f"{value:.0f} minutes"
        return f"{value:.0f}" if self.show == "whole" else f"{value:.2f}"


FEATURES: tuple[Feature, ...] = (
    Feature(
        "plays_per_active_day",
        "plays",
        "plays / local days with at least one play",
        "You play {value} tracks on a day with music",
        "whole",
        logged=True,
    ),
    Feature(
        "active_days_share",
        "share",
        "local days with a play / days of the window between the first and last play known at all",
        "There is music on {value} of your days",
        "percent",
    ),
    Feature(
        "night_share",
        "share",
        "plays with local hour 23, 0, 1, 2, 3 or 4 / plays",
        "{value} of your plays are between 23:00 and 05:00",
        "percent",
    ),
    Feature(
        "evening_share",
        "share",
        "plays with local hour 18 to 22 / plays",
        "{value} of your plays are between 18:00 and 23:00",
        "percent",
    ),
    Feature(
        "weekend_share",
        "share",
        "plays on a local Saturday or Sunday / plays",
        "{value} of your plays are on a Saturday or Sunday",
        "percent",
    ),
    Feature(
        "hour_concentration",
        "0 to 1",
        "length of the mean of the plays' vectors on the clock's circle: 0 all round the clock, 1 one hour",
        "Your plays keep to the same hours by {value} (0 all round the clock, 1 always the same hour)",
        "decimal",
    ),
    Feature(
        "artists_per_50",
        "artists",
        "artists expected among 50 plays drawn without putting back: "
        "sum over artists of 1 - C(plays - own, 50) / C(plays, 50)",
        "Among 50 of your plays are {value} different artists",
        "whole",
    ),
    Feature(
        "discovery_rate",
        "share",
        "plays that are the first ever of their track / plays, both later than 14 days after the first "
        "play known at all; unknown below 20 such plays",
        "{value} of your plays are of a track that you had never played before",
        "percent",
    ),
    Feature(
        "repeat_rate",
        "share",
        "plays whose track was also played in the 7 days before / plays",
        "{value} of your plays repeat a track of the seven days before",
        "percent",
    ),
    Feature(
        "top_artist_share",
        "share",
        "plays of the most played artist / plays",
        "{value} of your plays are of one artist",
        "percent",
    ),
    Feature(
        "genre_entropy",
        "bits",
        "Shannon entropy of the genre families of the plays with a known genre; unknown where less than 30% have one",
        "Your plays spread as widely as {value} genres in equal parts would",
        "genres",
    ),
    Feature(
        "mainstream_index",
        "0 to 100",
        "mean over plays of the artist's popularity where known; unknown where less than 30% have one",
        "Your artists have a popularity of {value} out of 100",
        "whole",
    ),
    Feature(
        "skip_share",
        "share",
        "skipped plays / plays known to be skipped or not, short ones included; unknown below 20 such plays",
        "You skip {value} of what you start",
        "percent",
    ),
    Feature(
        "session_minutes",
        "minutes",
        "mean length of a session; a pause of more than 30 minutes ends it",
        "You listen for {value} at a stretch",
        "minutes",
        logged=True,
    ),
)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
BY_NAME: Mapping[str, Feature] = {feature.name: feature for feature in FEATURES}


class Relations(NamedTuple):
    """Where the query reads: live plays, counted plays (columns of PLAYS), artists with popularity."""

    plays: str = "v_plays"
    counted: str = "v_counted_plays"
    artists: str = "v_artists"


READER_VIEWS = Relations()


def features_frame(
    ch: ClickHouse,
    *,
    listener: int | None = None,
    first: date | None = None,
    last: date | None = None,
    exports_only: bool = False,
    relations: Relations = READER_VIEWS,
) -> pd.DataFrame:
    """One row a listener with counted plays in the window, by listener; unknown features are NaN.

    `first` and `last` are local dates, both inclusive, None for open. `exports_only` looks at
    nothing that came from Spotify's Web API (the listener's setting `profile_sources`). Without
    `listener` the whole history of everybody is read: right for training, not for a big house.
    """
    table = ch.query_arrow(
        _query(),
        {
            "plays": relations.plays,
            "counted": relations.counted,
            "artists": relations.artists,
            "listener": listener or 0,
            "first": (first or EARLIEST).isoformat(),
            "last": (last or LATEST).isoformat(),
            "first_second": _second((first or EARLIEST) - BEFORE),
            "until_second": _second((last or LATEST) + AFTER),
            "exports_only": exports_only,
            "exports": [EXTENDED_EXPORT, ACCOUNT_EXPORT],
        },
    )
    frame = pd.DataFrame({name: table.column(name).to_pandas() for name in table.column_names})
    frame["listener"] = table.column("listener").to_numpy()  # unsigned 64-bit, never rounded to a float
    return frame.astype(dict.fromkeys(NAMES, np.float64))


def enough(frame: pd.DataFrame) -> pd.Series[bool]:
    """Which rows hold enough to speak of a habit."""
    return (frame["plays"] >= MIN_PLAYS) & (frame["active_days"] >= MIN_DAYS)


def _second(day: date) -> int:
    """Unix seconds of a day's beginning, UTC."""
    return int(datetime.combine(day, time(), UTC).timestamp())


@cache
def _query() -> str:
    return resources.files("ml").joinpath("features.sql").read_text("utf-8")
