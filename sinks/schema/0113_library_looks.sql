CREATE TABLE IF NOT EXISTS library_looks
(
    listener   UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    kind       LowCardinality(String) COMMENT 'saved-track, followed-artist, top-track or top-artist',
    time_range LowCardinality(String) COMMENT 'of a top list: short, medium or long; else empty',
    looked_at  DateTime64(3, 'UTC') COMMENT 'the last look that was stored: library_items is as of then, UTC',
    whole_at   DateTime64(3, 'UTC') COMMENT 'the last look that read the whole list, UTC; the others read what is new',
    total      UInt32 COMMENT 'how many items Spotify said that the list has; of a top list at most 100 are read',
    version    UInt64 COMMENT 'microseconds since 1970: rows of library_items up to it were published; the highest wins'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener, kind, time_range)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'When each list of a listener''s library was last looked at'
