CREATE VIEW IF NOT EXISTS v_all_plays AS
SELECT
    *,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    lower(leftPad(hex(play_id), 16, '0')) AS play_hex,
    if(artist_id = '', lowerUTF8(artist), artist_id) AS artist_key,
    multiIf(
        counts_as != '', counts_as,
        title = '', uri,
        concat(artist_key, '\x1f', lowerUTF8(title))
    ) AS track_key,
    coalesce(ms_played, duration_ms, 0) AS ms_heard
FROM plays FINAL
COMMENT 'Live plays, each once, also those that are hidden, with keys to group artists and tracks by'
