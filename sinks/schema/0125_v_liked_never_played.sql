CREATE VIEW IF NOT EXISTS v_liked_never_played
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
    added_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when the listener saved it, as Spotify says, UTC'
)
AS
SELECT listener, listener_hex, item, title, artist, artist_id, album, image_url, uri, added_at
FROM v_saved_tracks
WHERE plays = 0
COMMENT 'Saved tracks without a counted play, as far as plays are known: by URI, and by artist and title'
