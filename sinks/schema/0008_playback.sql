CREATE TABLE IF NOT EXISTS playback
(
    listener     UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    observed_at  DateTime64(3, 'UTC') COMMENT 'UTC',
    is_playing   Bool COMMENT 'false: nothing plays',
    uri          String COMMENT 'Spotify URI, or empty',
    title        String COMMENT 'as given',
    artist_names Array(String) COMMENT 'as given',
    album        String COMMENT 'as given',
    image_url    String COMMENT 'cover, or empty',
    progress_ms  Nullable(Int64) COMMENT 'where the player stands',
    duration_ms  Nullable(Int64) COMMENT 'length of the track'
)
ENGINE = ReplacingMergeTree(observed_at)
ORDER BY listener
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What plays at this moment, by listener'
