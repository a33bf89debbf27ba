CREATE TABLE IF NOT EXISTS profiles
(
    listener    UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    window      LowCardinality(String) COMMENT '90d, 2025, 2025-summer, 2025-03, all',
    computed_at DateTime64(3, 'UTC') COMMENT 'UTC',
    plays       UInt64 COMMENT 'counted plays in the window',
    model_id    String COMMENT 'of table models; empty when there was none',
    persona     String COMMENT 'its name; empty when there were too few plays',
    confidence  Nullable(Float64) COMMENT '0 to 1',
    reasons     Array(String) COMMENT 'sentences that a person reads',
    features    Map(String, Float64) COMMENT 'as the model saw them'
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (listener, window, computed_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Who a listener was in one window, each time it was computed'
