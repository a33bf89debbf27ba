CREATE VIEW IF NOT EXISTS v_listener_artists
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    artist_key String COMMENT 'what artists are grouped by: the linked id, else the name in lower case',
    name String COMMENT 'as given by the newest play',
    spotify_id String COMMENT 'given or linked; empty while unknown',
    newest_genre String COMMENT 'family of the newest play, or unknown',
    plays UInt64 COMMENT 'plays that count',
    minutes Float64 COMMENT 'minutes heard in them',
    first_at DateTime64(3, 'UTC') COMMENT 'first end, UTC',
    last_at DateTime64(3, 'UTC') COMMENT 'last end, UTC'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    artist_key,
    argMax(artist, play_id) AS name,
    any(artist_id) AS spotify_id,
    argMax(genre, play_id) AS newest_genre,
    count() AS plays,
    sum(ms_heard) / 60000 AS minutes,
    min(ended_at) AS first_at,
    max(ended_at) AS last_at
FROM v_counted_plays
WHERE artist_key != ''
GROUP BY listener, artist_key
COMMENT 'Artists of a listener, each once: grouped by the linked id, else by the name'
