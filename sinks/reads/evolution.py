"""How a listener changes: families and first hearings by week, month and season."""

from __future__ import annotations

from sinks.reads.base import STARTS, Per, Reads, bounds
from sinks.reads.rows import DiscoveryRow, EvolutionRow
from sinks.windows import Window

# One reading: every artist (1) and track (2) by its first day, and the plays of each period (0) beside them.
_DISCOVERY = """
SELECT {starts} AS starts, sumIf(n, tag = 0), countIf(tag = 1), countIf(tag = 2)
FROM
(
    SELECT tag, key, min(on_day) AS day, sumIf(of_day, tag = 0) AS n
    FROM (SELECT day AS on_day, plays AS of_day, artists.key AS of_artists, tracks.key AS of_tracks FROM {days}) AS d
    ARRAY JOIN
        arrayConcat([toUInt64(on_day)], of_artists, of_tracks) AS key,
        arrayConcat(
            [0], arrayWithConstant(length(of_artists), 1), arrayWithConstant(length(of_tracks), 2)
        ) AS tag
    GROUP BY tag, key
)
WHERE day >= {{from_window:Date}}
GROUP BY starts ORDER BY starts"""


class Evolution(Reads):
    """Counted plays of a window, period by period, oldest first; periods without plays are left out."""

    def evolution(self, listener: int, window: Window, per: Per = "month") -> list[EvolutionRow]:
        """Plays by family in each period, most first within it; plays without a known genre are `unknown`."""
        days = self._days(listener, window, ("season", "plays", "genres"))
        season = "toString(season)" if per == "season" else "''"
        rows = self._ch.query(
            f"SELECT {STARTS[per]} AS starts, {season} AS named, if(family = '', 'unknown', family) AS of_family, "
            f"sum(n) AS total, sum(heard), sum(total) OVER (PARTITION BY starts, named) FROM {days.sql} AS d "
            "ARRAY JOIN genres.genre AS family, genres.plays AS n, genres.ms AS heard "
            "GROUP BY starts, named, of_family ORDER BY starts, named, total DESC, of_family",
            days.params,
        )
        return [
            EvolutionRow(starts, named, family, plays, round(ms / 60_000, 2), round(plays / of_all, 4))
            for starts, named, family, plays, ms, of_all in rows
        ]

    def discovery(self, listener: int, window: Window, per: Per = "month") -> list[DiscoveryRow]:
        """Artists and tracks heard for the first time ever, by period."""
        history = Window(window.text, None, window.last)  # a first hearing is one in all of it
        days = self._days(listener, history, ("plays", "artists", "tracks"))
        rows = self._ch.query(
            _DISCOVERY.format(starts=STARTS[per], days=days.sql),
            {**days.params, "from_window": bounds(window)[0]},
        )
        return [DiscoveryRow(*row) for row in rows]
