"""The SQL of the dashboard Now. Plays are those that the listener's settings count.

"Now" is the end of the chosen time range. Days and hours are the stamped local ones; what is still
ahead of any play (today's beginning) is reckoned in the zone that the listener lives in at that moment.
"""

from __future__ import annotations

from grafana.board_sql import ME, TODAY

_TODAY = f"""\
{TODAY},
    bitShiftLeft(toUInt64(toUnixTimestamp(toDateTime(today, 'UTC')) - 86400), 32) AS from_id"""
_HOURS = """\
GROUP BY time
ORDER BY time WITH FILL
    FROM toStartOfHour(toTimeZone($__toTime, 'UTC') - INTERVAL 23 HOUR)
    TO toTimeZone($__toTime, 'UTC') STEP INTERVAL 1 HOUR"""

PLAYING = f"""\
WITH {ME} AS me
SELECT
    image_url AS cover,
    title AS track,
    arrayStringConcat(artist_names, ', ') AS artist,
    album,
    observed_at AS seen
FROM v_playback
WHERE listener = me AND is_playing
    AND observed_at BETWEEN $__toTime - INTERVAL 10 MINUTE AND $__toTime"""

PLAYS_TODAY = f"""\
{_TODAY}
SELECT toStartOfHour(toDateTime(ended_at)) AS time, toFloat64(count()) AS plays
FROM v_counted_plays
WHERE listener = me AND play_id >= from_id AND local_date = today AND ended_at <= $__toTime
{_HOURS}"""

MINUTES_TODAY = f"""\
{_TODAY}
SELECT toStartOfHour(toDateTime(ended_at)) AS time, sum(ms_heard) / 60000 AS minutes
FROM v_counted_plays
WHERE listener = me AND play_id >= from_id AND local_date = today AND ended_at <= $__toTime
{_HOURS}"""

ARTISTS_TODAY = f"""\
{_TODAY}
SELECT toStartOfHour(toDateTime(first_at)) AS time, toFloat64(count()) AS artists
FROM
(
    SELECT artist_key, min(ended_at) AS first_at
    FROM v_counted_plays
    WHERE listener = me AND play_id >= from_id AND local_date = today AND ended_at <= $__toTime
    GROUP BY artist_key
)
{_HOURS}"""

# Who was heard on an earlier day is told by the daily rollup, which is behind by seconds of today alone.
NEW_ARTISTS_TODAY = f"""\
{_TODAY}
SELECT toStartOfHour(toDateTime(first_at)) AS time, toFloat64(count()) AS artists
FROM
(
    SELECT artist_key, min(ended_at) AS first_at
    FROM v_counted_plays
    WHERE listener = me AND play_id >= from_id AND local_date = today AND ended_at <= $__toTime AND artist_key != ''
    GROUP BY artist_key
)
WHERE cityHash64(artist_key) NOT IN (SELECT artist FROM v_day_artists WHERE listener = me AND day < today)
{_HOURS}"""

SESSIONS = f"""\
WITH
    {ME} AS me,
    bitShiftLeft(toUInt64(toUnixTimestamp($__fromTime - INTERVAL 1 DAY)), 32) AS from_id,
    heard AS
    (
        SELECT
            ended_at,
            ifNull(started_at, ended_at - toIntervalMillisecond(ms_heard)) AS started,
            lagInFrame(toNullable(ended_at)) OVER (
                ORDER BY ended_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS before
        FROM v_counted_plays
        WHERE listener = me AND play_id >= from_id AND ended_at <= $__toTime
    ),
    sessions AS
    (
        SELECT min(started) AS starts, max(ended_at) AS ends, count() AS plays
        FROM
        (
            SELECT
                *,
                sum(before IS NULL OR started > before + INTERVAL 30 MINUTE) OVER (
                    ORDER BY ended_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                ) AS number
            FROM heard
        )
        GROUP BY number
        HAVING ends >= $__fromTime
    )
SELECT time, session
FROM
(
    SELECT
        greatest(starts, toDateTime64($__fromTime, 3, 'UTC')) AS time,
        toNullable(concat(toString(plays), if(plays = 1, ' play', ' plays'))) AS session
    FROM sessions
    UNION ALL
    SELECT ends AS time, NULL AS session FROM sessions
)
ORDER BY time, session IS NULL"""

PLAYS_BY_DAY = f"""\
WITH
    {ME} AS me,
    toDate($__fromTime, 'UTC') AS first_day,
    toDate($__toTime, 'UTC') AS last_day,
    bitShiftLeft(toUInt64(toUnixTimestamp($__fromTime) - 172800), 32) AS from_id
SELECT toString(local_day) AS day, plays
FROM
(
    SELECT local_date AS local_day, toFloat64(count()) AS plays
    FROM v_counted_plays
    WHERE listener = me AND play_id >= from_id AND local_date BETWEEN first_day AND last_day + 1
        AND ended_at <= $__toTime
    GROUP BY local_day
    ORDER BY local_day WITH FILL FROM first_day TO last_day + 1
)
ORDER BY day"""

# Fifty days with music hold fifty plays, and a bound on the key spares reading all the others.
LAST_PLAYS = f"""\
WITH
    {ME} AS me,
    (
        SELECT min(day) FROM
        (
            SELECT day FROM v_days WHERE listener = me AND first_at <= $__toTime ORDER BY day DESC LIMIT 55
        )
    ) AS near,
    bitShiftLeft(toUInt64(greatest(0, toInt64(toUInt16(near)) - 1) * 86400), 32) AS from_id
SELECT
    image_url AS cover,
    formatDateTime(
        ifNull(started_at, ended_at) + toIntervalMinute(utc_offset_minutes), '%Y-%m-%d %H:%i', 'UTC'
    ) AS played,
    title AS track,
    arrayStringConcat(artist_names, ', ') AS artist,
    album,
    genre,
    ms_heard / 1000 AS heard
FROM v_counted_plays
WHERE listener = me AND play_id >= from_id AND ended_at <= $__toTime
ORDER BY play_id DESC
LIMIT 50"""
