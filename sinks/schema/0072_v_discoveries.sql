CREATE VIEW IF NOT EXISTS v_discoveries
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    kind String COMMENT 'artist or track',
    discovered UInt64 COMMENT 'hash of artist_key or track_key',
    first_day Date COMMENT 'local day of the first hearing',
    first_heard_at DateTime64(3, 'UTC') COMMENT 'its end, UTC',
    last_heard_at DateTime64(3, 'UTC') COMMENT 'end of the last hearing, UTC',
    plays UInt64 COMMENT 'plays that count',
    shown UInt64 COMMENT 'id of the play that says what it is called'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    'artist' AS kind,
    artist AS discovered,
    min(day) AS first_day,
    min(first_at) AS first_heard_at,
    max(last_at) AS last_heard_at,
    sum(plays) AS plays,
    argMax(shown, last_at) AS shown
FROM v_day_artists
GROUP BY listener, artist
UNION ALL
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    'track' AS kind,
    track AS discovered,
    min(day) AS first_day,
    min(first_at) AS first_heard_at,
    max(last_at) AS last_heard_at,
    sum(plays) AS plays,
    argMax(shown, last_at) AS shown
FROM v_day_tracks
GROUP BY listener, track
COMMENT 'First hearings: when a listener first heard each artist and track, of all counted plays'
