"""The SQL of the dashboard Evolution: how what is listened to changes.

From the daily rollup, seconds behind the plays. A first hearing is one in all that is known.
"""

from __future__ import annotations

from grafana.board_sql import ME, WINDOW, named

_DAYS = "listener = me AND day BETWEEN from_day AND to_day"

# Seasons of three months by their first day, named by the year in which they begin, the newest first.
SEASONS = f"""\
WITH {ME} AS me
SELECT toString(starts) AS value, concat(any(season), ' ', toString(toYear(starts))) AS text
FROM
(
    SELECT toStartOfMonth(subtractMonths(day, toMonth(day) % 3)) AS starts, season
    FROM v_days
    WHERE listener = me
)
GROUP BY starts
ORDER BY starts DESC"""

GENRES_BY_WEEK = f"""\
{WINDOW},
    (
        SELECT groupArray(genre)
        FROM
        (
            SELECT genre FROM v_day_genres WHERE {_DAYS} AND is_known
            GROUP BY genre ORDER BY sum(plays) DESC, genre LIMIT 8
        )
    ) AS main
SELECT
    toDateTime(toMonday(day), 'UTC') AS time,
    if(has(main, toString(genre)), toString(genre), 'other') AS family,
    sum(plays) / sum(sum(plays)) OVER (PARTITION BY time) AS share
FROM v_day_genres
WHERE {_DAYS} AND is_known
GROUP BY time, family
ORDER BY time, family"""

_WEEKS = f"""\
{WINDOW},
    heard AS
    (
        SELECT toMonday(day) AS week, sum(plays) AS plays FROM v_days WHERE {_DAYS} GROUP BY week
    ),
    found AS
    (
        SELECT toMonday(since) AS week, count() AS fresh
        FROM (SELECT min(day) AS since FROM v_day_tracks WHERE listener = me AND day <= to_day GROUP BY track)
        WHERE since >= from_day
        GROUP BY week
    )"""

DISCOVERY = f"""\
{_WEEKS}
SELECT toDateTime(heard.week, 'UTC') AS time, fresh / plays AS discovery
FROM heard LEFT JOIN found ON found.week = heard.week
ORDER BY time"""

NEW_AND_REPEATED = f"""\
{_WEEKS}
SELECT
    toDateTime(heard.week, 'UTC') AS time,
    toFloat64(fresh) AS first_hearings,
    toFloat64(plays) - fresh AS repeated
FROM heard LEFT JOIN found ON found.week = heard.week
ORDER BY time"""

SEASON = f"""\
WITH
    {ME} AS me,
    toDate(parseDateTimeBestEffortOrZero(${{season:singlequote}})) AS starts
SELECT
    family,
    of_season / greatest(1, sum(of_season) OVER ()) AS season,
    of_all / greatest(1, sum(of_all) OVER ()) AS always
FROM
(
    SELECT
        toString(genre) AS family,
        sumIf(plays, day >= starts AND day < addMonths(starts, 3)) AS of_season,
        sum(plays) AS of_all
    FROM v_day_genres
    WHERE listener = me AND is_known
    GROUP BY family
)
ORDER BY season DESC, always DESC, family
LIMIT 10"""

_ARTISTS = """\
SELECT (max(shown), sum(plays), min(day), max(day)) AS one
        FROM v_day_artists WHERE listener = me AND day <= end_day
        GROUP BY artist
        HAVING {having}
        ORDER BY one.2 DESC, one.1 DESC"""

FIRST_HEARD = f"""\
{WINDOW},
{
    named(
        _ARTISTS.format(having="one.3 >= from_day"),
        "image_url AS cover, artist, toString(one.3) AS first_heard, toFloat64(one.2) AS plays",
        limit=15,
    )
}
ORDER BY place"""

FORGOTTEN = f"""\
{WINDOW},
{
    named(
        _ARTISTS.format(having="one.4 < end_day - 90 AND one.2 >= 10"),
        "image_url AS cover, artist, toString(one.4) AS last_heard, toFloat64(one.2) AS plays",
        limit=15,
    )
}
ORDER BY place"""
