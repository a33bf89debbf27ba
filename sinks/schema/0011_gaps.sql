CREATE TABLE IF NOT EXISTS gaps
(
    listener  UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    source    LowCardinality(String) COMMENT 'the source that has the gap',
    gap_start DateTime64(3, 'UTC') COMMENT 'UTC',
    gap_end   DateTime64(3, 'UTC') COMMENT 'UTC',
    version   UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when an import covered it, UTC; null while open'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener, source, gap_start, gap_end)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Intervals in which plays may be missing'
