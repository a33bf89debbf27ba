CREATE TABLE IF NOT EXISTS replays
(
    dead_letter_id UInt64 COMMENT 'the dead letter that was published again',
    version        UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    listener       UInt64 COMMENT 'whose sighting it would be; 0 where its bytes do not say',
    sighting_id    UInt64 COMMENT 'of the sighting that it would be; 0 where its bytes are none',
    ended_at       DateTime64(3, 'UTC') COMMENT 'of that sighting, UTC',
    replayed_at    DateTime64(3, 'UTC') COMMENT 'UTC',
    resolved_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'when its sighting was found stored, UTC; null until then'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY dead_letter_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Dead letters that were published again, and whether that helped'
