CREATE VIEW IF NOT EXISTS v_day_albums
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    day Date COMMENT 'local day on which the plays began',
    season LowCardinality(String) COMMENT 'winter, spring, summer, autumn: of the day''s last play',
    album UInt64 COMMENT 'hash of artist_key and album, as in listener_days',
    plays UInt32 COMMENT 'plays that count',
    minutes Float64 COMMENT 'minutes heard in them',
    first_at DateTime64(3, 'UTC') COMMENT 'first end, UTC',
    last_at DateTime64(3, 'UTC') COMMENT 'last end, UTC',
    shown UInt64 COMMENT 'id of the play that says what it is called'
)
AS
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
