CREATE VIEW IF NOT EXISTS v_day_genres AS
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
