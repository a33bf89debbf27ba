CREATE TABLE IF NOT EXISTS track_artists
(
    uri        String COMMENT 'Spotify URI of a track',
    version    UInt64 COMMENT 'of the sighting that said so; the highest wins',
    artist_ids Array(String) COMMENT 'Spotify artist ids of the track, first the main artist'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY uri
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 256
COMMENT 'Whose a track is, as polls said it: tells namesakes apart. Names no listener, and may lack tracks'
