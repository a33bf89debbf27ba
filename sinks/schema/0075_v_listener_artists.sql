CREATE VIEW IF NOT EXISTS v_listener_artists AS
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
