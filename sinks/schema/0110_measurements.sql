CREATE TABLE IF NOT EXISTS measurements
(
    measure     LowCardinality(String) COMMENT 'what is told; see sinks/measurements.py',
    label       LowCardinality(String) COMMENT 'which of its kind: a topic, a bound, a state; else empty',
    listener    UInt64 COMMENT 'whom it is about; 0 where nobody',
    process     String COMMENT 'which start of which part: 8 random hexadecimal digits',
    measured_at DateTime64(3, 'UTC') COMMENT 'UTC',
    part        LowCardinality(String) COMMENT 'worker or collector',
    value       Float64 COMMENT 'of a counter what came since the row before, else what it is at that moment'
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(measured_at)
ORDER BY (measure, measured_at, label, listener, process)
TTL toDateTime(measured_at) + INTERVAL 30 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
COMMENT 'What the parts measure of themselves, every ten seconds; kept for 30 days'
