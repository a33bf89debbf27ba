CREATE VIEW IF NOT EXISTS v_day_artists AS
SELECT
    listener,
    listener_hex,
    day,
    season,
    artist_of_day AS artist,
    artist_plays AS plays,
    artist_ms / 60000 AS minutes,
    artist_first AS first_at,
    artist_last AS last_at,
    artist_shown AS shown
FROM v_days
ARRAY JOIN
    artists.key AS artist_of_day,
    artists.plays AS artist_plays,
    artists.ms AS artist_ms,
    artists.first_at AS artist_first,
    artists.last_at AS artist_last,
    artists.shown AS artist_shown
COMMENT 'Counted plays of each local day and artist; the play named by shown says how the artist is called'
