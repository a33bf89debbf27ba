"""The library against the plays: favourites, what is liked and never played, who is followed and dropped.

The same as the views of the library (sinks/schema/0120 and on), but for plays that the rollup does
not have yet: these are counted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sinks.reads.base import Reads
from sinks.reads.rows import FavouriteRow, Followed, FollowedRow, LookRow, NeverPlayed, SavedRow, WellKnownRow
from sinks.reads.taste import RATED
from sinks.windows import Window

T = TypeVar("T")

ALL = Window("all", None, None)

# Whether the days' tracks have each saved one. Then the rows of `plays` that name a URI of the others: without
# FINAL first, which is quick and finds too much, so that FINAL has only few to judge.
_SAVED = """
SELECT item, any(uri), any(added_at) AS added, countIf(track IN (SELECT arrayJoin(tracks.key) FROM {days} AS d)) > 0
FROM v_saved_track_keys
WHERE listener = {{listener:UInt64}}
GROUP BY item
ORDER BY added DESC NULLS LAST, item"""
_NAMED = """
SELECT play_id FROM plays
WHERE listener = {listener:UInt64} AND uri IN {uris:Array(String)}"""
_PLAYED = """
SELECT DISTINCT uri FROM v_counted_plays
WHERE listener = {listener:UInt64} AND play_id IN {ids:Array(UInt64)}"""
_ROWS = """
SELECT item, title, artist, artist_id, album, image_url, uri, added_at FROM v_library
WHERE listener = {listener:UInt64} AND kind = 'saved-track' AND item IN {items:Array(String)}
ORDER BY added_at DESC NULLS LAST, item"""
_AT_ONCE = 10_000  # values in one parameter

# The days are those of v_followed_artists.
_FOLLOWED = """
WITH
    (SELECT max(day) FROM {days} AS d) AS newest,
    of_artists AS
    (
        SELECT
            key, sum(n) AS of_all, sumIf(n, day > newest - 90) AS of_recent,
            sumIf(n, day <= newest - 90 AND day > newest - 455) AS of_before, max(last) AS last_heard
        FROM {days} AS d ARRAY JOIN artists.key AS key, artists.plays AS n, artists.last_at AS last
        GROUP BY key
    )
SELECT
    f.item, any(f.artist), any(f.image_url), any(f.uri), sum(of_all) AS plays, sum(of_recent) AS recent,
    sum(of_before) AS before, nullIf(max(last_heard), toDateTime64(0, 3, 'UTC')),
    multiIf(
        plays = 0, 'never', recent = 0, 'dropped', before >= 20 AND recent * 365 * 5 <= before * 90, 'fading', 'heard'
    ) AS state
FROM
(
    SELECT
        item, artist, image_url, uri,
        arrayJoin(arrayDistinct([cityHash64(item), cityHash64(lowerUTF8(artist))])) AS k
    FROM v_library WHERE listener = {{listener:UInt64}} AND kind = 'followed-artist'
) AS f
LEFT JOIN of_artists AS h ON h.key = f.k
GROUP BY f.item
ORDER BY plays DESC, any(lowerUTF8(f.artist)), f.item"""

_WELL_KNOWN = f"""
SELECT
    what, sum(n), sumIf(n, rating IS NOT NULL), sum(n * ifNull(rating, 0)), sumIf(n, rating >= 60),
    sumIf(n, rating < 20), sumIf(n, rating >= 20 AND rating < 40), sumIf(n, rating >= 40 AND rating < 60),
    sumIf(n, rating >= 60 AND rating < 80), sumIf(n, rating >= 80)
FROM
(
    SELECT toString(kind) AS what, cityHash64(artist_id) AS key, uniqExact(item) AS n
    FROM v_library WHERE listener = {{{{listener:UInt64}}}} GROUP BY what, key
    UNION ALL
    SELECT 'plays' AS what, key, toUInt64(sum(played)) AS n
    FROM {{days}} AS d ARRAY JOIN artists.key AS key, artists.plays AS played GROUP BY key
) AS counted
LEFT JOIN (SELECT rated, toNullable(rating) AS rating FROM {RATED}) AS catalogue ON key = rated
GROUP BY what
ORDER BY what != 'plays', what"""

_FAVOURITES = """
SELECT item, title, artist, artist_id, image_url, uri, short, medium, long, trend, places
FROM v_favourites
WHERE listener = {listener:UInt64} AND kind = {kind:String}
ORDER BY short NULLS LAST, medium NULLS LAST, long NULLS LAST, item
LIMIT {limit:UInt32}"""


class Library(Reads):
    """What stands in a listener's library, as of the last looks at it, against all of their counted plays."""

    def library_looks(self, listener: int) -> list[LookRow]:
        """The lists that were ever looked at; none: nothing of the library is known."""
        rows = self._ch.query(
            "SELECT kind, time_range, looked_at, total FROM v_library_looks WHERE listener = {listener:UInt64} "
            "ORDER BY kind, indexOf(['short', 'medium', 'long'], time_range)",
            {"listener": listener},
        )
        return [LookRow(*row) for row in rows]

    def favourites(self, listener: int, kind: str, limit: int = 20) -> list[FavouriteRow]:
        """Of `kind` top-artist or top-track, by their place in 4 weeks, then in 6 months, then in the year."""
        rows = self._ch.query(_FAVOURITES, {"listener": listener, "kind": kind, "limit": limit})
        return [FavouriteRow(*row) for row in rows]

    def never_played(self, listener: int, limit: int = 20) -> NeverPlayed:
        """Saved tracks without a counted play, by URI and by artist and title; the newest saved first."""
        days = self._days(listener, ALL, ("plays", "tracks"))
        saved = self._ch.query(_SAVED.format(days=days.sql), days.params)
        unheard = {item: uri for item, uri, _, heard in saved if not heard}
        played = self._played(listener, list(unheard.values()))
        never = [item for item, uri in unheard.items() if uri not in played]
        rows = self._ch.query(_ROWS, {"listener": listener, "items": never[:limit]}) if never else []
        return NeverPlayed(len(saved), len(never), tuple(SavedRow(*row) for row in rows))

    def followed(self, listener: int, limit: int = 20) -> Followed:
        """Who is followed and never heard, dropped or fading (see FollowedRow): the most played first."""
        days = self._days(listener, ALL, ("plays", "artists"))
        found = [FollowedRow(*row) for row in self._ch.query(_FOLLOWED.format(days=days.sql), days.params)]
        states = [row.state for row in found]
        rows = [row for row in found if row.state != "heard"]
        return Followed(
            followed=len(found),
            heard=states.count("heard"),
            fading=states.count("fading"),
            dropped=states.count("dropped"),
            never=states.count("never"),
            rows=tuple(rows[:limit]),
        )

    def well_known(self, listener: int) -> list[WellKnownRow]:
        """How well known the artists of the plays and of each list are; lists without items are left out."""
        days = self._days(listener, ALL, ("plays", "artists"))
        rows = self._ch.query(_WELL_KNOWN.format(days=days.sql), days.params)
        return [
            WellKnownRow(
                what,
                items,
                round(rated / items, 4),
                round(total / rated, 2) if rated else None,
                round(mainstream / rated, 4) if rated else None,
                *bands,
            )
            for what, items, rated, total, mainstream, *bands in rows
        ]

    def _played(self, listener: int, uris: Sequence[str]) -> set[str]:
        """Those of which there is a counted play, under whatever names: an export gives the album's artist."""
        named: list[int] = []
        for some in _pieces(uris):
            named += [play_id for (play_id,) in self._ch.query(_NAMED, {"listener": listener, "uris": some})]
        found: set[str] = set()
        for ids in _pieces(named):
            found |= {uri for (uri,) in self._ch.query(_PLAYED, {"listener": listener, "ids": ids})}
        return found


def _pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
