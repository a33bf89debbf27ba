-- Features of listening, one row a listener. What each means and its unit: ml/features.py.
-- Relations: plays (all live plays), counted (those that the listener's settings count), artists.
-- A track is the lower half of its play id; an artist is the linked id, else the name as given.
-- The whole history up to the window's end is read, since a first hearing is one in all of it.
WITH
    toUnixTimestamp(toDateTime({last:Date32}, 'UTC')) + 4 * 86400 AS until,
    heard AS (
        SELECT
            listener,
            play_id,
            ended_at,
            ifNull(started_at, ended_at - toIntervalMillisecond(ifNull(ms_played, 0))) AS started,
            local_date,
            local_hour,
            weekday,
            genre,
            artist_id,
            cityHash64(if(artist_id != '', artist_id, lowerUTF8(artist))) AS artist_key,
            min(ended_at) OVER (PARTITION BY listener) AS known_from,
            max(local_date) OVER (PARTITION BY listener) AS known_to,
            lagInFrame(toNullable(ended_at)) OVER (
                PARTITION BY listener ORDER BY ended_at, play_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS play_before,
            lagInFrame(toNullable(ended_at)) OVER (
                PARTITION BY listener, bitAnd(play_id, 0xFFFFFFFF) ORDER BY ended_at, play_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS track_before
        FROM {counted:Identifier}
        WHERE ({listener:UInt64} = 0 OR listener = {listener:UInt64})
            AND play_id < bitShiftLeft(toUInt64(until), 32)
            AND local_date <= {last:Date32}
            AND (NOT {exports_only:Bool} OR hasAny(sources, {exports:Array(String)}))
    ),
    known AS (
        SELECT artist_id AS known_id, max(popularity) AS known_popularity
        FROM {artists:Identifier}
        WHERE popularity IS NOT NULL
        GROUP BY artist_id
    ),
    counts AS (
        SELECT
            listener,
            count() AS plays,
            uniqExact(local_date) AS active_days,
            greatest(min(toDate32(known_from, 'UTC')), {first:Date32}) AS days_from,
            least(any(known_to), {last:Date32}) AS days_to,
            min(ended_at) AS first_at,
            max(ended_at) AS last_at,
            countIf(local_hour >= 23 OR local_hour < 5) AS night,
            countIf(local_hour BETWEEN 18 AND 22) AS evening,
            countIf(weekday >= 6) AS weekend,
            sum(cos(2 * pi() * (local_hour + 0.5) / 24)) AS hour_x,
            sum(sin(2 * pi() * (local_hour + 0.5) / 24)) AS hour_y,
            countIf(track_before >= ended_at - toIntervalDay(7)) AS again,
            countIf(ended_at >= known_from + toIntervalDay(14)) AS settled,
            countIf(track_before IS NULL AND ended_at >= known_from + toIntervalDay(14)) AS discovered,
            countIf(play_before IS NULL OR started > play_before + toIntervalMinute(30)) AS sessions,
            sum(greatest(0, dateDiff('millisecond',
                if(play_before IS NULL OR started > play_before + toIntervalMinute(30), started, play_before),
                ended_at))) AS session_ms,
            sumMap([artist_key], [toUInt64(1)]).2 AS by_artist,
            sumMapIf([genre], [toUInt64(1)], genre NOT IN ('', 'unknown')).2 AS by_genre,
            count(known_popularity) AS rated,
            avg(known_popularity) AS popularity_mean
        FROM heard LEFT JOIN known ON heard.artist_id = known.known_id
        WHERE local_date BETWEEN {first:Date32} AND {last:Date32}
        GROUP BY listener
    ),
    ends AS (
        SELECT
            listener AS ends_listener,
            countIf(skipped IS NOT NULL OR reason_end != '') AS ends_known,
            countIf(ifNull(skipped, reason_end = 'fwdbtn')) AS skips
        FROM {plays:Identifier}
        WHERE ({listener:UInt64} = 0 OR listener = {listener:UInt64})
            AND play_id < bitShiftLeft(toUInt64(until), 32)
            AND local_date BETWEEN {first:Date32} AND {last:Date32}
            AND (NOT {exports_only:Bool} OR hasAny(sources, {exports:Array(String)}))
        GROUP BY listener
    )
SELECT
    listener,
    plays,
    active_days,
    greatest(active_days, dateDiff('day', days_from, days_to) + 1) AS days,
    first_at,
    last_at,
    arraySum(by_genre) / plays AS genre_coverage,
    rated / plays AS popularity_coverage,
    toFloat64(modulo(24 * (1 + atan2(hour_y, hour_x) / (2 * pi())), 24)) AS typical_hour,
    plays / active_days AS plays_per_active_day,
    active_days / days AS active_days_share,
    night / plays AS night_share,
    evening / plays AS evening_share,
    weekend / plays AS weekend_share,
    sqrt(hour_x * hour_x + hour_y * hour_y) / plays AS hour_concentration,
    if(plays < 50, NULL, arraySum(n -> if(plays - n < 50, 1,
        1 - exp(lgamma(plays - n + 1) + lgamma(plays - 50 + 1)
            - lgamma(plays - n - 50 + 1) - lgamma(plays + 1))), by_artist)) AS artists_per_50,
    if(settled < 20, NULL, discovered / settled) AS discovery_rate,
    again / plays AS repeat_rate,
    arrayMax(by_artist) / plays AS top_artist_share,
    if(genre_coverage < 0.3, NULL, -arraySum(n -> n / arraySum(by_genre)
        * log2(n / arraySum(by_genre)), by_genre)) AS genre_entropy,
    if(popularity_coverage < 0.3, NULL, popularity_mean) AS mainstream_index,
    if(ends_known < 20, NULL, skips / ends_known) AS skip_share,
    session_ms / sessions / 60000 AS session_minutes
FROM counts LEFT JOIN ends ON counts.listener = ends.ends_listener
ORDER BY listener
