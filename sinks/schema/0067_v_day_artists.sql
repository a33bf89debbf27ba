CREATE VIEW IF NOT EXISTS v_day_artists
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    day Date COMMENT 'local day on which the plays began',
    season LowCardinality(String) COMMENT 'winter, spring, summer, autumn: of the day''s last play',
    artist UInt64 COMMENT 'hash of artist_key, as in listener_days',
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
