CREATE TABLE IF NOT EXISTS library_items
(
    listener   UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    kind       LowCardinality(String) COMMENT 'saved-track, followed-artist, top-track or top-artist',
    time_range LowCardinality(String) COMMENT 'of a top list: short (4 weeks), medium (6 months) or long (1 year); else empty',
    item       String COMMENT 'Spotify id of the track or artist',
    position   UInt16 COMMENT 'in a top list, from 1, or where it stood last; 0 for saved and followed',
    title      String COMMENT 'of a track; empty for an artist',
    artist     String COMMENT 'the first artist of a track, or the artist',
    artist_id  String COMMENT 'Spotify id of that artist',
    album      String COMMENT 'of a track; empty for an artist',
    image_url  String COMMENT 'picture of the album or the artist; empty: none is known',
    uri        String COMMENT 'Spotify URI of the track or artist',
    isrc       String COMMENT 'of a track; empty: not known',
    added_at   Nullable(DateTime64(3, 'UTC')) COMMENT 'saved tracks: when the listener saved it, as Spotify says, UTC',
    seen_at    DateTime64(3, 'UTC') COMMENT 'when it was first seen there, UTC',
    removed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'the first look at which it was no longer there, UTC; null: it is there',
    version    UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener, kind, time_range, item)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What stands, or once stood, in a listener''s library and top lists on Spotify'
