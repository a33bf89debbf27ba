CREATE VIEW IF NOT EXISTS v_saved_track_keys
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    item String COMMENT 'Spotify id of the track',
    uri String COMMENT 'Spotify URI of the track',
    added_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when the listener saved it, as Spotify says, UTC',
    track UInt64 COMMENT 'hash of a track_key, as in listener_days'
)
AS
SELECT
    saved.listener AS listener,
    item,
    saved.uri AS uri,
    added_at,
    arrayJoin(arrayDistinct([
        cityHash64(concat(artist_id, '\x1f', lowerUTF8(title))),
        cityHash64(concat(lowerUTF8(artist), '\x1f', lowerUTF8(title))),
        cityHash64(saved.uri),
        if(merged.target = '', cityHash64(saved.uri), cityHash64(merged.target))
    ])) AS track
FROM (SELECT listener, item, title, artist, artist_id, uri, added_at FROM v_library WHERE kind = 'saved-track') AS saved
LEFT JOIN
(
    SELECT listener, arrayJoin(arrayPushBack(keys, subject)) AS uri, any(v_corrections.target) AS target
    FROM v_corrections
    WHERE kind = 'merge'
    GROUP BY listener, uri
) AS merged ON merged.listener = saved.listener AND merged.uri = saved.uri
COMMENT 'What plays of a saved track are grouped by: its artist, by id or name, and title; its URI; what it was merged into'
