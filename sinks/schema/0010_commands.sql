CREATE TABLE IF NOT EXISTS commands
(
    listener   UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    command_id UInt64 COMMENT 'random id',
    version    UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    kind       LowCardinality(String) COMMENT 'restamp or erase',
    asked_at   DateTime64(3, 'UTC') COMMENT 'UTC',
    state      LowCardinality(String) COMMENT 'asked or done',
    detail     String COMMENT 'what came of it'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener, command_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Work for the one writer of a listener; the record on Kafka only wakes it'
