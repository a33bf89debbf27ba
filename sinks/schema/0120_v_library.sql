CREATE VIEW IF NOT EXISTS v_library
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    kind LowCardinality(String) COMMENT 'saved-track, followed-artist, top-track or top-artist',
    time_range LowCardinality(String) COMMENT 'of a top list: short (4 weeks), medium (6 months) or long (1 year); else empty',
    item String COMMENT 'Spotify id of the track or artist',
    position UInt16 COMMENT 'in a top list, from 1; 0 for saved and followed',
    title String COMMENT 'of a track; empty for an artist',
    artist String COMMENT 'the first artist of a track, or the artist',
    artist_id String COMMENT 'Spotify id of that artist',
    album String COMMENT 'of a track; empty for an artist',
    image_url String COMMENT 'picture of the album or the artist; empty: none is known',
    uri String COMMENT 'Spotify URI of the track or artist',
    isrc String COMMENT 'of a track; empty: not known',
    added_at Nullable(DateTime64(3, 'UTC')) COMMENT 'saved tracks: when the listener saved it, as Spotify says, UTC',
    seen_at DateTime64(3, 'UTC') COMMENT 'when it was first seen there, UTC'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    kind,
    time_range,
    item,
    position,
    title,
    artist,
    artist_id,
    album,
    image_url,
    uri,
    isrc,
    added_at,
    seen_at
FROM library_items FINAL
WHERE removed_at IS NULL
COMMENT 'What stands in a listener''s library and top lists on Spotify, as of v_library_looks'
