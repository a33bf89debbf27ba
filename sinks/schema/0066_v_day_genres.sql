CREATE VIEW IF NOT EXISTS v_day_genres
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    day Date COMMENT 'local day on which the plays began',
    weekday UInt8 COMMENT 'of the local day; 1 is Monday',
    season LowCardinality(String) COMMENT 'winter, spring, summer, autumn: of the day''s last play',
    genre LowCardinality(String) COMMENT 'family, or unknown',
    is_known LowCardinality(UInt8) COMMENT 'whether the family is known: the coverage is the share of its plays',
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
    genre_of_day AS genre,
    genre_of_day NOT IN ('', 'unknown') AS is_known,
    genre_plays AS plays,
    genre_ms / 60000 AS minutes
FROM v_days
ARRAY JOIN
    genres.genre AS genre_of_day,
    genres.plays AS genre_plays,
    genres.ms AS genre_ms
COMMENT 'Genres with coverage: counted plays of each local day and family; is_known tells the plays whose genre is known'
