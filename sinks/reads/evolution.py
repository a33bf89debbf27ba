"""How a listener changes: families and first hearings by week, month and season."""

from __future__ import annotations

from sinks.reads.base import STARTS, Per, Reads, bounds
from sinks.reads.rows import DiscoveryRow, EvolutionRow
from sinks.windows import Window

_FIRST = (
    "SELECT {starts} AS starts, 0 AS plays, {artists} AS new_artists, {tracks} AS new_tracks FROM "
    "(SELECT min(day) AS day FROM {days} AS d ARRAY JOIN {what}.key AS key GROUP BY key) "
    "WHERE day >= {{from_window:Date}} GROUP BY starts"
)  # .format: the braces that stay are doubled


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
        parts = [
            f"SELECT {STARTS[per]} AS starts, sum(plays) AS plays, 0 AS new_artists, 0 AS new_tracks "
            f"FROM {days.sql} AS d WHERE day >= {{from_window:Date}} GROUP BY starts",
            _FIRST.format(starts=STARTS[per], artists="count()", tracks="0", days=days.sql, what="artists"),
            _FIRST.format(starts=STARTS[per], artists="0", tracks="count()", days=days.sql, what="tracks"),
        ]
        rows = self._ch.query(
            "SELECT starts, sum(plays), sum(new_artists), sum(new_tracks) FROM "
            f"({' UNION ALL '.join(parts)}) GROUP BY starts ORDER BY starts",
            {**days.params, "from_window": bounds(window)[0]},
        )
        return [DiscoveryRow(*row) for row in rows]
