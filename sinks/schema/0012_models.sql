CREATE TABLE IF NOT EXISTS models
(
    model_id   String COMMENT 'id of the training',
    kind       LowCardinality(String) COMMENT 'what it decides',
    version    UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    trained_at DateTime64(3, 'UTC') COMMENT 'UTC',
    body       String COMMENT 'the model as JSON'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kind, model_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Trained personas'
