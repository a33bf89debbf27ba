CREATE TABLE IF NOT EXISTS import_rows
(
    listener    UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    import_id   UInt64 COMMENT 'the import',
    sighting_id UInt64 COMMENT 'the sighting',
    ended_at    DateTime64(3, 'UTC') COMMENT 'the sighting''s end, UTC',
    version     UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    is_deleted  UInt8 COMMENT '1 removes the row',
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'when the row was written, UTC'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (listener, import_id, sighting_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which import held which sighting, so that one can be undone though another held the same'
