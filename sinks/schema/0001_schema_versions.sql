CREATE TABLE IF NOT EXISTS schema_versions
(
    number     UInt32 COMMENT 'the number that the file''s name begins with',
    name       String COMMENT 'the file''s name',
    checksum   String COMMENT 'SHA-256 of its text, hexadecimal',
    applied_at DateTime64(3, 'UTC') COMMENT 'when, UTC'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which file of sinks/schema was applied here, and with which content'
