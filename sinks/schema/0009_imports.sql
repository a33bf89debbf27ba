CREATE TABLE IF NOT EXISTS imports
(
    listener     UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    import_id    UInt64 COMMENT 'random id',
    version      UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    state        LowCardinality(String) COMMENT 'running, done or failed',
    files        Array(String) COMMENT 'names of the files, without folders',
    started_at   DateTime64(3, 'UTC') COMMENT 'UTC',
    finished_at  Nullable(DateTime64(3, 'UTC')) COMMENT 'UTC',
    read         UInt64 COMMENT 'rows read so far',
    published    UInt64 COMMENT 'records published so far',
    plays_before UInt64 COMMENT 'plays of the listener when it started',
    report       String COMMENT 'reconciliation as JSON; the reason of a failure'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener, import_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Each import of a listener''s export, with its reconciliation'
