CREATE TABLE IF NOT EXISTS api_tokens
(
    hash       String COMMENT 'SHA-256 of the token, hexadecimal',
    version    UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    token_id   UInt64 COMMENT 'names it to people',
    name       String COMMENT 'what it is for',
    role       LowCardinality(String) COMMENT 'owner or listener',
    listener   UInt64 COMMENT 'whose; 0 for the owner''s',
    created_at DateTime64(3, 'UTC') COMMENT 'UTC',
    revoked    Bool COMMENT 'true: refused'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY hash
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Access to the API. Only hashes; no reader may see this table'
