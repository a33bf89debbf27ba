CREATE VIEW IF NOT EXISTS v_streaks
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    first_day Date COMMENT 'local day',
    last_day Date COMMENT 'local day, inside',
    days UInt32 COMMENT 'how many; no day without a play between them',
    plays UInt64 COMMENT 'plays that count'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    min(day) AS first_day,
    max(day) AS last_day,
    toUInt32(count()) AS days,
    sum(plays) AS plays
FROM
(
    SELECT
        listener,
        day,
        plays,
        toUInt32(day) - row_number() OVER (PARTITION BY listener ORDER BY day) AS run
    FROM v_days
)
GROUP BY listener, run
COMMENT 'Runs of local days with music: at least one counted play on each'
