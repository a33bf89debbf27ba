CREATE TABLE IF NOT EXISTS travel
(
    listener   UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    country    LowCardinality(String) COMMENT 'where the trip went: two letters',
    first      DateTime64(3, 'UTC') COMMENT 'start of the first play of the trip as it was proposed, UTC',
    version    UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    is_deleted UInt8 COMMENT '1 takes the decision back',
    last       DateTime64(3, 'UTC') COMMENT 'end of its last play, UTC',
    plays      UInt32 COMMENT 'plays that it was proposed for',
    state      LowCardinality(String) COMMENT 'accepted or refused',
    zone       String COMMENT 'accepted: the IANA zone that the listener lived by; else empty',
    starts     DateTime64(3, 'UTC') COMMENT 'accepted: from when the zone held, UTC',
    ends       DateTime64(3, 'UTC') COMMENT 'accepted: until when, UTC',
    decided_at DateTime64(3, 'UTC') COMMENT 'UTC'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (listener, country, first)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What listeners said of trips that the countries of their plays show; nobody is asked twice'
