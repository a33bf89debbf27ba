-- Features of listening, one row a listener. What each means and its unit: ml/features.py.
-- Relations: plays (all live plays), counted (those that the listener's settings count), artists.
-- A track is the lower half of its play id; an artist is the linked id, else the name as given.
-- Ranges of play ids spare reading the rest: an id begins with the second of the end, which lies
-- at most some days from the local date.
WITH
    bitShiftLeft(toUInt64(greatest(0, {first_second:Int64})), 32) AS from_id,
    bitShiftLeft(toUInt64({until_second:Int64}), 32) AS until_id,
    -- the whole history up to the window's end, since a first hearing is one in all of it
    tracks AS (
        SELECT
            listener,
            arraySort(groupArray((toUnixTimestamp64Milli(ended_at), local_date >= {first:Date32}))) AS hearings,
            max(local_date) AS last_date
        FROM {counted:Identifier}
        WHERE ({listener:UInt64} = 0 OR listener = {listener:UInt64})
            AND play_id < until_id
            AND local_date <= {last:Date32}
            AND (NOT {exports_only:Bool} OR hasAny(sources, {exports:Array(String)}))
        GROUP BY listener, bitAnd(play_id, 0xFFFFFFFF)
    ),
    histories AS (
        SELECT
            listener AS of_history,
            min(hearings[1].1) AS known_from,
            max(last_date) AS known_to,
            known_from + 14 * 86400000 AS settled_from,
            arrayCount(h -> h.2 AND h.1 >= settled_from, groupArray(hearings[1])) AS discovered,
            sum(arrayCount(
                (h, gap, number) -> h.2 AND number > 1 AND gap <= 7 * 86400000,
                hearings,
                arrayDifference(hearings.1),
                arrayEnumerate(hearings)
            )) AS again
        FROM tracks
        GROUP BY listener
    ),
    heard AS (
        SELECT *
        FROM {counted:Identifier}
        WHERE ({listener:UInt64} = 0 OR listener = {listener:UInt64})
            AND play_id >= from_id
            AND play_id < until_id
            AND local_date BETWEEN {first:Date32} AND {last:Date32}
            AND (NOT {exports_only:Bool} OR hasAny(sources, {exports:Array(String)}))
    ),
    in_order AS (
        SELECT
            listener,
            ended_at,
            ifNull(started_at, ended_at - toIntervalMillisecond(ifNull(ms_played, 0))) AS started,
            lagInFrame(toNullable(ended_at)) OVER (
                PARTITION BY listener ORDER BY ended_at
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS play_before,
            play_before IS NULL OR started > play_before + toIntervalMinute(30) AS begins,
            local_date,
            local_hour,
            weekday,
            genre
        FROM heard
    ),
    counts AS (
        SELECT
            listener,
            count() AS plays,
            uniqExact(local_date) AS active_days,
            min(ended_at) AS first_at,
            max(ended_at) AS last_at,
            countIf(local_hour >= 23 OR local_hour < 5) AS night,
            countIf(local_hour BETWEEN 18 AND 22) AS evening,
            countIf(weekday >= 6) AS weekend,
            sum(cos(2 * pi() * (local_hour + 0.5) / 24)) AS hour_x,
            sum(sin(2 * pi() * (local_hour + 0.5) / 24)) AS hour_y,
            countIf(toUnixTimestamp64Milli(ended_at) >= settled_from) AS settled,
            any(discovered) AS found,
            any(again) AS repeats,
            any(known_from) AS from_ms,
            any(known_to) AS to_date,
            countIf(begins) AS sessions,
            sum(greatest(0, dateDiff('millisecond', if(begins, started, assumeNotNull(play_before)), ended_at)))
                AS session_ms,
            sumMapIf([genre], [toUInt64(1)], genre NOT IN ('', 'unknown')).2 AS by_genre
        FROM in_order INNER JOIN histories ON in_order.listener = histories.of_history
        GROUP BY listener
    ),
    per_artist AS (
        SELECT
            listener AS of_artist,
            cityHash64(if(artist_id != '', artist_id, lowerUTF8(artist))) AS artist_of,
            any(artist_id) AS linked,
            count() AS artist_plays
        FROM heard
        GROUP BY of_artist, artist_of
    ),
    rated AS (
        SELECT artist_id AS rated_id, max(popularity) AS rating
        FROM {artists:Identifier}
        WHERE popularity IS NOT NULL
        GROUP BY artist_id
    ),
    choices AS (
        SELECT
            of_artist,
            groupArray(artist_plays) AS by_artist,
            sumIf(artist_plays, rating IS NOT NULL) AS rated_plays,
            sum(artist_plays * ifNull(rating, 0)) AS ratings
        FROM per_artist LEFT JOIN rated ON per_artist.linked = rated.rated_id
        GROUP BY of_artist
    ),
    ends AS (
        SELECT
            listener AS of_ends,
            countIf(skipped IS NOT NULL OR reason_end != '') AS ends_known,
            countIf(ifNull(skipped, reason_end = 'fwdbtn')) AS skips
        FROM {plays:Identifier}
        WHERE ({listener:UInt64} = 0 OR listener = {listener:UInt64})
            AND play_id >= from_id
            AND play_id < until_id
            AND local_date BETWEEN {first:Date32} AND {last:Date32}
            AND (NOT {exports_only:Bool} OR hasAny(sources, {exports:Array(String)}))
        GROUP BY listener
    )
SELECT
    listener,
    plays,
    active_days,
    greatest(active_days, dateDiff('day',
        greatest(toDate32(fromUnixTimestamp64Milli(from_ms, 'UTC')), {first:Date32}),
        least(toDate32(to_date), {last:Date32})) + 1) AS days,
    first_at,
    last_at,
    arraySum(by_genre) / plays AS genre_coverage,
    rated_plays / plays AS popularity_coverage,
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
    if(settled < 20, NULL, found / settled) AS discovery_rate,
    repeats / plays AS repeat_rate,
    arrayMax(by_artist) / plays AS top_artist_share,
    if(genre_coverage < 0.3, NULL, abs(arraySum(n -> n / arraySum(by_genre)
        * log2(n / arraySum(by_genre)), by_genre))) AS genre_entropy,
    if(popularity_coverage < 0.3, NULL, ratings / rated_plays) AS mainstream_index,
    if(ends_known < 20, NULL, skips / ends_known) AS skip_share,
    session_ms / sessions / 60000 AS session_minutes
FROM counts
INNER JOIN choices ON counts.listener = choices.of_artist
LEFT JOIN ends ON counts.listener = ends.of_ends
ORDER BY listener
