CREATE VIEW IF NOT EXISTS v_day_hours AS
SELECT
    listener,
    listener_hex,
    day,
    weekday,
    season,
    toUInt8(hour_number - 1) AS local_hour,
    hour_plays AS plays,
    hour_ms / 60000 AS minutes
FROM v_days
ARRAY JOIN
    arrayEnumerate(hours) AS hour_number,
    hours AS hour_plays,
    hours_ms AS hour_ms
COMMENT 'Clock and week: counted plays of each local day and hour, always 24 rows a day'
