CREATE VIEW IF NOT EXISTS v_measurements
(
    measure LowCardinality(String) COMMENT 'what is told; see sinks/measurements.py',
    label LowCardinality(String) COMMENT 'which of its kind: a topic, a bound, a state; else empty',
    listener UInt64 COMMENT 'whom it is about; 0 where nobody',
    process String COMMENT 'which start of which part: 8 random hexadecimal digits',
    measured_at DateTime64(3, 'UTC') COMMENT 'UTC',
    part LowCardinality(String) COMMENT 'worker or collector',
    value Float64 COMMENT 'of a counter what came since the row before, else what it is at that moment'
)
AS
SELECT measure, label, listener, process, measured_at, part, value
FROM measurements FINAL
COMMENT 'What the parts measure of themselves, each row once; the last 30 days'
