CREATE VIEW IF NOT EXISTS v_followed_dropped
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    item String COMMENT 'Spotify id of the artist',
    artist String COMMENT 'name of the artist, as given',
    image_url String COMMENT 'picture of the artist, or empty',
    uri String COMMENT 'Spotify URI of the artist',
    plays UInt64 COMMENT 'counted plays of the artist',
    plays_recent UInt64 COMMENT 'of them in the recent 90 days (see v_followed_artists)',
    plays_before UInt64 COMMENT 'of them on the 365 days before those',
    last_at Nullable(DateTime64(3, 'UTC')) COMMENT 'end of the last of them, UTC',
    state LowCardinality(String) COMMENT 'dropped: none in the recent 90 days; fading: far fewer than before (see v_followed_artists)'
)
AS
SELECT listener, listener_hex, item, artist, image_url, uri, plays, plays_recent, plays_before, last_at, state
FROM v_followed_artists
WHERE state IN ('dropped', 'fading')
COMMENT 'Followed artists who were once played, and no longer, or far less'
