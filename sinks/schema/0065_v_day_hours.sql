CREATE VIEW IF NOT EXISTS v_day_hours
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    day Date COMMENT 'local day on which the plays began',
    weekday UInt8 COMMENT 'of the local day; 1 is Monday',
    season LowCardinality(String) COMMENT 'winter, spring, summer, autumn: of the day''s last play',
    local_hour UInt8 COMMENT '0 to 23',
    plays UInt32 COMMENT 'plays that count',
    minutes Float64 COMMENT 'minutes heard in them'
)
AS
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
