CREATE VIEW IF NOT EXISTS v_day_albums AS
SELECT
    listener,
    listener_hex,
    day,
    season,
    album_of_day AS album,
    album_plays AS plays,
    album_ms / 60000 AS minutes,
    album_first AS first_at,
    album_last AS last_at,
    album_shown AS shown
FROM v_days
ARRAY JOIN
    albums.key AS album_of_day,
    albums.plays AS album_plays,
    albums.ms AS album_ms,
    albums.first_at AS album_first,
    albums.last_at AS album_last,
    albums.shown AS album_shown
COMMENT 'Counted plays of each local day and album; the play named by shown says how the album is called'
