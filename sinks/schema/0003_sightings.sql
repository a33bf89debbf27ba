CREATE TABLE IF NOT EXISTS sightings
(
    listener     UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    ended_at     DateTime64(3, 'UTC') COMMENT 'the best end that this source allows, UTC',
    sighting_id  UInt64 COMMENT 'hash of listener, source, raw end, URI or names, ms_played',
    version      UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    is_deleted   UInt8 COMMENT '1 removes the row',
    source       LowCardinality(String) COMMENT 'a word of streams/contracts/sources.py',
    kind         LowCardinality(String) COMMENT 'track, episode or chapter',
    reported_end DateTime64(3, 'UTC') COMMENT 'the end exactly as the source gave it, UTC',
    started_at   Nullable(DateTime64(3, 'UTC')) COMMENT 'UTC, where known',
    ms_played    Nullable(Int64) COMMENT 'milliseconds heard, where known',
    duration_ms  Nullable(Int64) COMMENT 'length of the track, where known',
    uri          String COMMENT 'Spotify URI, or empty',
    title        String COMMENT 'name of the track, as given',
    artist_names Array(String) COMMENT 'as the source named them, first the main artist',
    artist_ids   Array(String) COMMENT 'as long as artist_names; empty where the source has no id',
    album        String COMMENT 'name of the album, as given',
    album_uri    String COMMENT 'Spotify URI of the album, or empty',
    image_url    String COMMENT 'cover, or empty',
    isrc         String COMMENT 'recording code, or empty',
    release_date String COMMENT 'as given: YYYY, YYYY-MM or YYYY-MM-DD',
    country      LowCardinality(String) COMMENT 'two letters, or empty',
    platform     LowCardinality(String) COMMENT 'family only: android, ios, windows, macos, linux, web, cast, other',
    reason_start LowCardinality(String) COMMENT 'Spotify''s word, or empty',
    reason_end   LowCardinality(String) COMMENT 'Spotify''s word, or empty',
    shuffle      Nullable(Bool) COMMENT 'null where the source does not say',
    skipped      Nullable(Bool) COMMENT 'null where the source does not say',
    offline      Nullable(Bool) COMMENT 'null where the source does not say',
    incognito    Nullable(Bool) COMMENT 'private session; null where the source does not say',
    explicit     Nullable(Bool) COMMENT 'null where the source does not say',
    published_at DateTime64(3, 'UTC') COMMENT 'first published on Kafka, UTC; a replay keeps it',
    import_id    UInt64 COMMENT 'the import that was the first to bring it; 0 for none',
    stored_at    DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'when the row was written, UTC'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYear(ended_at, 'UTC')
ORDER BY (listener, ended_at, sighting_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What one source said of one play; never changed by another source'
