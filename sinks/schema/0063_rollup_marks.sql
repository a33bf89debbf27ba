CREATE TABLE IF NOT EXISTS rollup_marks
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    version  UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    rules    UInt64 COMMENT 'as in listener_days: that all its rows were made by',
    until    DateTime64(3, 'UTC') COMMENT 'plays that were stored before this are in listener_days; by the database''s clock, UTC'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY listener
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'How far the daily rollup of each listener is'
