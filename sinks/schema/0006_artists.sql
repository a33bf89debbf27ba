CREATE TABLE IF NOT EXISTS artists
(
    artist_id   String COMMENT 'Spotify artist id',
    source      LowCardinality(String) COMMENT 'who described it',
    version     UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    name        String COMMENT 'as given',
    folded_name String COMMENT 'as names are compared: NFKC, case folded, white space collapsed',
    genres      Array(String) COMMENT 'raw, as given',
    genre       LowCardinality(String) COMMENT 'family decided from the raw genres, or unknown',
    subgenre    String COMMENT 'the raw genre that decided, or empty',
    popularity  Nullable(UInt8) COMMENT '0 to 100, where given',
    followers   Nullable(UInt64) COMMENT 'where given',
    INDEX by_name folded_name TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (artist_id, source)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 1024
COMMENT 'The catalogue: an artist as one source described it, genre decided'
