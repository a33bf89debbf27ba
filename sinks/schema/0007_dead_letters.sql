CREATE TABLE IF NOT EXISTS dead_letters
(
    dead_letter_id UInt64 COMMENT 'hash of import and origin, else of where and what it was',
    refused_at     DateTime64(3, 'UTC') COMMENT 'UTC',
    reason         LowCardinality(String) COMMENT 'the word of streams/contracts/errors.py',
    message        String COMMENT 'what a person reads',
    listener       UInt64 COMMENT '0 where the record does not say',
    import_id      UInt64 COMMENT '0 where no import brought it',
    origin         String COMMENT 'where it stands in which file, never its content',
    topic          LowCardinality(String) COMMENT 'Kafka topic',
    partition      Int32 COMMENT 'Kafka partition',
    offset         Int64 COMMENT 'Kafka offset',
    published_at   DateTime64(3, 'UTC') COMMENT 'the record''s own timestamp, UTC',
    key            Nullable(String) COMMENT 'bytes as they came',
    payload        Nullable(String) COMMENT 'bytes as they came',
    headers        Map(String, String) COMMENT 'of the record'
)
ENGINE = ReplacingMergeTree(refused_at)
ORDER BY dead_letter_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Records that were refused: their bytes as they came, and why'
