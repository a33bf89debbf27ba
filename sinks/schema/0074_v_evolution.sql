CREATE VIEW IF NOT EXISTS v_evolution
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    per String COMMENT 'week, month or season: how long a period is',
    starts Date COMMENT 'first local day of the period',
    season String COMMENT 'its name where the period is a season, else empty',
    genre LowCardinality(String) COMMENT 'family, or unknown',
    plays UInt64 COMMENT 'plays that count',
    minutes Float64 COMMENT 'minutes heard in them'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    period.1 AS per,
    period.2 AS starts,
    period.3 AS season,
    genre,
    sum(genre_plays) AS plays,
    sum(genre_minutes) AS minutes
FROM
(
    SELECT
        listener,
        genre,
        plays AS genre_plays,
        minutes AS genre_minutes,
        arrayJoin([
            ('week', toMonday(day), ''),
            ('month', toStartOfMonth(day), ''),
            ('season', toStartOfMonth(subtractMonths(day, toMonth(day) % 3)), toString(season))
        ]) AS period
    FROM v_day_genres
)
GROUP BY listener, per, starts, season, genre
COMMENT 'Evolution: counted plays by family in each week (from Monday), month and season (three months, from December)'
