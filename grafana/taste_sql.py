"""The SQL of the dashboard Taste: what is listened to, and how well known it is.

From the daily rollup, seconds behind the plays; only what it does not hold comes from the plays.
"""

from __future__ import annotations

from grafana.board_sql import WINDOW, named

_DAYS = "listener = me AND day BETWEEN from_day AND to_day"

# Popularity by the hash that the rollup groups artists by.
_RATED = """\
(
    SELECT cityHash64(artist_id) AS rated, any(name) AS called, max(popularity) AS rating
    FROM artists FINAL
    WHERE popularity IS NOT NULL
    GROUP BY rated
)"""

_ARTISTS = f"""\
SELECT (max(shown), sum(plays), sum(minutes)) AS one
        FROM v_day_artists WHERE {_DAYS}
        GROUP BY artist ORDER BY one.2 DESC, one.3 DESC, artist"""

_ARTIST = "image_url AS cover, artist, toFloat64(one.2) AS plays, one.3 AS minutes, rating AS popularity"

TOP_ARTISTS = f"""\
{WINDOW},
{named(_ARTISTS, _ARTIST, limit=15)}
LEFT JOIN
(
    SELECT artist_id, max(a.popularity) AS rating
    FROM artists AS a FINAL
    WHERE artist_id != '' AND artist_id IN (SELECT artist_id FROM called) AND a.popularity IS NOT NULL
    GROUP BY artist_id
) AS rated ON rated.artist_id = called.artist_id
ORDER BY place"""

_TRACKS = f"""\
SELECT (max(shown), sum(plays)) AS one
        FROM v_day_tracks WHERE {_DAYS}
        GROUP BY track ORDER BY one.2 DESC, one.1 DESC, track"""

TOP_TRACKS = f"""\
{WINDOW},
{named(_TRACKS, "concat(title, if(artist = '', '', ' – '), artist) AS track, toFloat64(one.2) AS plays", limit=12)}
ORDER BY place"""

_ALBUMS = f"""\
SELECT (max(shown), sum(plays)) AS one
        FROM v_day_albums WHERE {_DAYS}
        GROUP BY v_day_albums.album ORDER BY one.2 DESC, one.1 DESC, v_day_albums.album"""

TOP_ALBUMS = f"""\
{WINDOW},
{named(_ALBUMS, "image_url AS cover, album, artist, toFloat64(one.2) AS plays", limit=12)}
ORDER BY place"""

POPULARITY = f"""\
{WINDOW}
SELECT toFloat64(rating) AS popularity, toFloat64(heard.plays) AS plays, called AS artist
FROM (SELECT artist, sum(plays) AS plays FROM v_day_artists WHERE {_DAYS} GROUP BY artist) AS heard
INNER JOIN {_RATED} AS known ON heard.artist = known.rated
ORDER BY plays DESC, artist
LIMIT 500"""

BANDS = f"""\
{WINDOW}
SELECT toFloat64(least(rating, 99)) AS popularity
FROM (SELECT DISTINCT artist FROM v_day_artists WHERE {_DAYS}) AS heard
INNER JOIN {_RATED} AS known ON heard.artist = known.rated
ORDER BY popularity"""

MAINSTREAM = f"""\
{WINDOW}
SELECT sum(popularity_sum) / nullIf(sum(rated_plays), 0) AS mainstream
FROM v_day_popularity
WHERE {_DAYS}"""

MAINSTREAM_BY_WEEK = f"""\
{WINDOW}
SELECT toDateTime(toMonday(day), 'UTC') AS time, sum(popularity_sum) / nullIf(sum(rated_plays), 0) AS mainstream
FROM v_day_popularity
WHERE {_DAYS}
GROUP BY time
ORDER BY time"""

DECADES = f"""\
{WINDOW}
SELECT concat(toString(decade), 's') AS released, plays
FROM
(
    SELECT
        toUInt16(intDiv(toUInt16OrZero(substring(release_date, 1, 4)), 10) * 10) AS decade,
        toFloat64(count()) AS plays
    FROM v_counted_plays
    WHERE listener = me AND play_id BETWEEN from_id AND until_id AND local_date BETWEEN from_day AND to_day
    GROUP BY decade
    HAVING decade BETWEEN 1900 AND 2100
    ORDER BY decade WITH FILL STEP 10
)
ORDER BY released"""
