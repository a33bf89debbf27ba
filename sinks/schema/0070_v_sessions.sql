CREATE VIEW IF NOT EXISTS v_sessions
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    started_at DateTime64(3, 'UTC') COMMENT 'start of its first play, UTC',
    ended_at DateTime64(3, 'UTC') COMMENT 'end of its last play, UTC',
    local_date Date COMMENT 'local day on which it began',
    plays UInt64 COMMENT 'plays that count',
    minutes Float64 COMMENT 'minutes heard in them',
    length_minutes Float64 COMMENT 'minutes from start to end'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    min(starts) AS started_at,
    max(ends) AS ended_at,
    min(day) AS local_date,
    sum(part_plays) AS plays,
    sum(part_ms) / 60000 AS minutes,
    dateDiff('millisecond', started_at, ended_at) / 60000 AS length_minutes
FROM
(
    SELECT *, sum(begins) OVER (PARTITION BY listener ORDER BY starts, ends
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
    FROM
    (
        SELECT
            listener,
            day,
            part.1 AS starts,
            part.2 AS ends,
            part.3 AS part_plays,
            part.4 AS part_ms,
            max(ends) OVER (PARTITION BY listener ORDER BY starts, ends
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS end_before,
            starts > end_before + toIntervalMinute(30) AS begins
        FROM v_days
        ARRAY JOIN sessions AS part
    )
)
GROUP BY listener, number
COMMENT 'Sittings: counted plays of a listener with at most 30 minutes of silence between them'
