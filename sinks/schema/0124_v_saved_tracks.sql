CREATE VIEW IF NOT EXISTS v_saved_tracks
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    item String COMMENT 'Spotify id of the track',
    title String COMMENT 'name of the track, as given',
    artist String COMMENT 'its first artist',
    artist_id String COMMENT 'Spotify id of that artist',
    album String COMMENT 'name of the album, as given',
    image_url String COMMENT 'cover, or empty',
    uri String COMMENT 'Spotify URI of the track',
    added_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when the listener saved it, as Spotify says, UTC',
    plays UInt64 COMMENT 'counted plays: of the same artist and title in lower case, whatever the URI, or of what it was merged into; by its URI where those are more',
    last_at Nullable(DateTime64(3, 'UTC')) COMMENT 'end of the last of them, UTC; null: never played'
)
AS
SELECT
    saved.listener AS listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    saved.item AS item,
    title,
    artist,
    artist_id,
    album,
    image_url,
    saved.uri AS uri,
    added_at,
    greatest(named.plays, exact.plays) AS plays,
    nullIf(greatest(named.last_at, exact.last_at), toDateTime64(0, 3, 'UTC')) AS last_at
FROM (SELECT * FROM v_library WHERE kind = 'saved-track') AS saved
LEFT JOIN
(
    SELECT k.listener AS listener, k.item AS item, sum(heard.plays) AS plays, max(heard.last_at) AS last_at
    FROM v_saved_track_keys AS k
    INNER JOIN
    (
        SELECT listener, track, sum(plays) AS plays, max(last_at) AS last_at
        FROM v_day_tracks
        GROUP BY listener, track
    ) AS heard ON heard.listener = k.listener AND heard.track = k.track
    GROUP BY listener, item
) AS named ON named.listener = saved.listener AND named.item = saved.item
LEFT JOIN
(
    SELECT p.listener AS listener, p.uri AS uri, count() AS plays, max(p.ended_at) AS last_at
    FROM v_counted_plays AS p
    LEFT SEMI JOIN (SELECT listener, uri FROM v_library WHERE kind = 'saved-track') AS s
        ON s.listener = p.listener AND s.uri = p.uri
    GROUP BY listener, uri
) AS exact ON exact.listener = saved.listener AND exact.uri = saved.uri
COMMENT 'Saved tracks, and how often each was played'
