"""What a listener likes: rankings, figures of a window, genres known, popularity, the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sinks.reads.base import STARTS, Per, Reads
from sinks.reads.rows import CatalogueRow, MainstreamRow
from sinks.rows import Coverage, TopRow, Totals
from sinks.windows import Window

By = Literal["plays", "minutes"]
Ranked = Literal["artists", "tracks", "albums", "genres"]

_ORDER: Mapping[By, str] = {"plays": "plays DESC, ms DESC", "minutes": "ms DESC, plays DESC"}

# Of merged recordings the one that they count as gives the name, if it was played (own).
_THINGS = """
SELECT key, sum(n) AS plays, sum(heard) AS ms, min(first) AS first_at, max(last) AS last_at,
    maxIf(named_by, named_by_own) AS by_own, if(by_own > 0, by_own, max(named_by)) AS shown,
    max(with_picture) AS pictured
FROM {days} AS d
ARRAY JOIN
    {what}.key AS key, {what}.plays AS n, {what}.ms AS heard, {what}.first_at AS first, {what}.last_at AS last,
    {what}.own AS named_by_own, {what}.shown AS named_by, {what}.pictured AS with_picture
GROUP BY key ORDER BY {order}, last_at DESC, key LIMIT {{limit:UInt32}}"""
_GENRES = """
SELECT name, sum(n) AS plays, sum(heard) AS ms, min(first) AS first_at, max(last) AS last_at
FROM {days} AS d
ARRAY JOIN
    genres.genre AS name, genres.plays AS n, genres.ms AS heard, genres.first_at AS first, genres.last_at AS last
WHERE name NOT IN ('', 'unknown')
GROUP BY name ORDER BY {order}, last_at DESC, name LIMIT {{limit:UInt32}}"""

# what a play calls the thing: (name, artist, key, uri)
_NAMES: Mapping[str, tuple[str, str, str, str]] = {
    "artists": ("artist", "''", "artist_key", "if(artist_id = '', '', concat('spotify:artist:', artist_id))"),
    "tracks": ("title", "artist", "track_key", "uri"),
    "albums": ("album", "artist", "concat(artist_key, '\\x1f', lowerUTF8(album))", "album_uri"),
}

RATED = (
    "(SELECT cityHash64(artist_id) AS rated, max(popularity) AS rating FROM artists FINAL "
    "WHERE popularity IS NOT NULL GROUP BY rated)"
)


class Taste(Reads):
    """Counted plays of a window, by what was played."""

    def top(self, listener: int, what: Ranked, window: Window, by: By = "plays", limit: int = 20) -> list[TopRow]:
        """A ranking, most first, the newer first where it is even.

        Plays without an artist, album or known genre are left out.
        """
        days = self._days(listener, window, ("plays", what))
        sql = _GENRES if what == "genres" else _THINGS
        rows = self._ch.query_dicts(
            sql.format(days=days.sql, what=what, order=_ORDER[by]), {**days.params, "limit": limit}
        )
        if what == "genres":
            called: dict[int, tuple[str, str, str, str, str]] = {}
        else:
            called = self._called(listener, what, {row["shown"] for row in rows} | {row["pictured"] for row in rows})
        found = []
        for rank, row in enumerate(rows, start=1):
            name, artist, key, uri, _ = called[row["shown"]] if called else (row["name"], "", row["name"], "", "")
            image = called[row["pictured"]][4] if called and row["pictured"] else ""
            found.append(
                TopRow(
                    rank, name, artist, key, uri, image,
                    row["plays"], _minutes(row["ms"]), row["first_at"], row["last_at"],
                )
            )  # fmt: skip
        return found

    def totals(self, listener: int, window: Window) -> Totals:
        """Counted plays, minutes, different artists and tracks, days with a play, first and last end."""
        days = self._days(listener, window, ("plays", "ms", "first_at", "last_at", "artists", "tracks"))
        rows = self._ch.query(
            "SELECT sum(plays), sum(ms), uniqExactArray(artists.key), uniqExactArray(tracks.key), count(), "
            f"minOrNull(first_at), maxOrNull(last_at) FROM {days.sql} AS d",
            days.params,
        )
        plays, ms, artists, tracks, count, first, last = rows[0]
        return Totals(plays, _minutes(ms), artists, tracks, count, first, last)

    def genre_coverage(self, listener: int, window: Window) -> Coverage:
        """Of how many counted plays the genre is known."""
        days = self._days(listener, window, ("plays", "genres"))
        rows = self._ch.query(
            "SELECT sum(plays), sum(arraySum(arrayMap((genre, n) -> if(genre IN ('', 'unknown'), 0, n), "
            f"genres.genre, genres.plays))) FROM {days.sql} AS d",
            days.params,
        )
        plays, known = rows[0]
        return Coverage(plays, known, _share(known, plays))

    def mainstream(self, listener: int, window: Window, per: Per = "month") -> list[MainstreamRow]:
        """The mainstream index by period, oldest first; periods without plays are left out."""
        days = self._days(listener, window, ("plays", "artists"))
        rows = self._ch.query(
            "SELECT starts, sum(n), sumIf(n, rating IS NOT NULL), sum(n * ifNull(rating, 0)) FROM ("
            f"SELECT {STARTS[per]} AS starts, key, n FROM {days.sql} AS d "
            "ARRAY JOIN artists.key AS key, artists.plays AS n) AS heard "
            f"LEFT JOIN (SELECT rated, toNullable(rating) AS rating FROM {RATED}) AS known ON key = rated "
            "GROUP BY starts ORDER BY starts",
            days.params,
        )
        return [
            MainstreamRow(starts, round(total / rated, 2) if rated else None, plays, _share(rated, plays))
            for starts, plays, rated, total in rows
        ]

    def catalogue(self, genre: str = "", band: str = "", limit: int = 100, offset: int = 0) -> list[CatalogueRow]:
        """Artists by family and popularity band, the popular first; both can be chosen."""
        rows = self._ch.query(
            "SELECT artist_id, name, genre, subgenre, popularity, band FROM v_catalogue "
            "WHERE ({genre:String} = '' OR genre = {genre:String}) AND ({band:String} = '' OR band = {band:String}) "
            "ORDER BY genre = 'unknown', genre, popularity IS NULL, popularity DESC, name, artist_id "
            "LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
            {"genre": genre, "band": band, "limit": limit, "offset": offset},
        )
        return [CatalogueRow(*row) for row in rows]

    def _called(self, listener: int, what: str, plays: set[int]) -> dict[int, tuple[str, str, str, str, str]]:
        """By play id: name, artist, key, URI and picture of what it is a play of."""
        name, artist, key, uri = _NAMES[what]
        rows: list[tuple[Any, ...]] = self._ch.query(
            f"SELECT play_id, {name}, {artist}, {key}, {uri}, image_url FROM v_all_plays "
            "WHERE listener = {listener:UInt64} AND play_id IN {plays:Array(UInt64)}",
            {"listener": listener, "plays": sorted(plays - {0})},
        )
        return {row[0]: (row[1], row[2], row[3], row[4], row[5]) for row in rows}


def _minutes(ms: int) -> float:
    return round(ms / 60_000, 2)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
