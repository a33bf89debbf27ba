CREATE VIEW IF NOT EXISTS v_sessions AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    min(started) AS started_at,
    max(ended_at) AS ended_at,
    min(began_on) AS local_date,
    count() AS plays,
    sum(heard) / 60000 AS minutes,
    dateDiff('millisecond', started_at, ended_at) / 60000 AS length_minutes
FROM
(
    SELECT
        listener,
        ended_at,
        started,
        began_on,
        heard,
        sum(begins) OVER (PARTITION BY listener ORDER BY ended_at, play_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
    FROM
    (
        SELECT
            listener,
            play_id,
            ended_at,
            ifNull(started_at, ended_at - toIntervalMillisecond(ms_heard)) AS started,
            local_date AS began_on,
            ms_heard AS heard,
            lagInFrame(toNullable(ended_at)) OVER (PARTITION BY listener ORDER BY ended_at, play_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS play_before,
            play_before IS NULL OR started > play_before + toIntervalMinute(30) AS begins
        FROM v_counted_plays
    )
)
GROUP BY listener, number
COMMENT 'Sittings: counted plays of a listener with less than 30 minutes of silence between them'
