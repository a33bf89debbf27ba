CREATE TABLE IF NOT EXISTS plays
(
    listener              UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    play_id               UInt64 COMMENT 'second of the end above, hash of the track in the lower 32 bits',
    version               UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    is_deleted            UInt8 COMMENT '1 removes the row',
    ended_at              DateTime64(3, 'UTC') COMMENT 'UTC',
    started_at            Nullable(DateTime64(3, 'UTC')) COMMENT 'UTC, as far as known',
    ms_played             Nullable(Int64) COMMENT 'milliseconds heard',
    ms_played_is_estimate Bool COMMENT 'no source knew ms_played',
    duration_ms           Nullable(Int64) COMMENT 'length of the track, where known',
    uri                   String COMMENT 'Spotify URI, or empty',
    title                 String COMMENT 'name of the track, as given',
    artist_names          Array(String) COMMENT 'as the source named them, first the main artist',
    artist_ids            Array(String) COMMENT 'as long as artist_names; empty where the source has no id',
    album                 String COMMENT 'name of the album, as given',
    album_uri             String COMMENT 'Spotify URI of the album, or empty',
    image_url             String COMMENT 'cover, or empty',
    isrc                  String COMMENT 'recording code, or empty',
    release_date          String COMMENT 'as given: YYYY, YYYY-MM or YYYY-MM-DD',
    country               LowCardinality(String) COMMENT 'two letters, or empty',
    platform              LowCardinality(String) COMMENT 'family only: android, ios, windows, macos, linux, web, cast, other',
    reason_start          LowCardinality(String) COMMENT 'Spotify''s word, or empty',
    reason_end            LowCardinality(String) COMMENT 'Spotify''s word, or empty',
    shuffle               Nullable(Bool) COMMENT 'null where the source does not say',
    skipped               Nullable(Bool) COMMENT 'null where the source does not say',
    offline               Nullable(Bool) COMMENT 'null where the source does not say',
    incognito             Nullable(Bool) COMMENT 'private session; null where the source does not say',
    explicit              Nullable(Bool) COMMENT 'null where the source does not say',
    sources               Array(LowCardinality(String)) COMMENT 'the sources that saw it, best rank first',
    artist                String COMMENT 'the first artist''s name as given',
    artist_id             String COMMENT 'given or linked; empty while unknown',
    artist_is_guess       Bool COMMENT 'linked by name among namesakes',
    local_date            Date COMMENT 'of the start, in the listener''s zone on that date',
    local_hour            UInt8 COMMENT '0 to 23, of the start',
    weekday               UInt8 COMMENT 'of the start; 1 is Monday',
    utc_offset_minutes    Int16 COMMENT 'of the zone at the start',
    time_zone             LowCardinality(String) COMMENT 'IANA name used',
    season                LowCardinality(String) COMMENT 'winter, spring, summer, autumn: by local month and hemisphere',
    genre                 LowCardinality(String) COMMENT 'family, or unknown',
    subgenre              LowCardinality(String) COMMENT 'the raw genre that decided, or empty',
    stored_at             DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'when the row was written, UTC'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYear(toDateTime(toUInt32(bitShiftRight(play_id, 32)), 'UTC'))
ORDER BY (listener, play_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Each play once, derived from its sightings, with local time, season and genre'
