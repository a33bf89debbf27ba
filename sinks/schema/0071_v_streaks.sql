CREATE VIEW IF NOT EXISTS v_streaks AS
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
