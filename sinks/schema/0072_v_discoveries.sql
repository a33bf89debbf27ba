CREATE VIEW IF NOT EXISTS v_discoveries AS
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
