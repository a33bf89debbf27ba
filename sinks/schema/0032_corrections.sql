CREATE TABLE IF NOT EXISTS corrections
(
    listener   UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    kind       LowCardinality(String) COMMENT 'play, artist or track: hidden; merge: counts as target; undo: an import that was undone',
    subject    String COMMENT 'play id, artist id or folded name, URI, or import id',
    version    UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    is_deleted UInt8 COMMENT '1 takes the correction back',
    target     String COMMENT 'URI of the track that the subject counts as; else empty',
    ids        Array(UInt64) COMMENT 'of a hidden play: every id that it can have, by its sightings',
    keys       Array(String) COMMENT 'of a track: its URIs, and folded artist and title; of an artist: ids and folded names',
    label      String COMMENT 'what a person reads',
    made_at    DateTime64(3, 'UTC') COMMENT 'UTC'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (listener, kind, subject)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What listeners corrected: stamped on their plays by the worker, so that readers pay nothing'
