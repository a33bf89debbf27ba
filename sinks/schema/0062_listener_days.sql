CREATE TABLE IF NOT EXISTS listener_days
(
    listener    UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    day         Date COMMENT 'local day on which the plays began',
    version     UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    fingerprint UInt64 COMMENT 'of ids and versions of the day''s live plays, also of those that do not count: tells whether the row is behind',
    known       UInt32 COMMENT 'live plays of the day, also those that do not count; 0 for a day that was emptied',
    rules       UInt64 COMMENT 'hash of the version of the listener''s settings, and of the rules, that the row was made by',
    season      LowCardinality(String) COMMENT 'winter, spring, summer, autumn: of the day''s last play',
    plays       UInt32 COMMENT 'plays that count',
    ms          UInt64 COMMENT 'milliseconds heard in them',
    first_at    DateTime64(3, 'UTC') COMMENT 'end of the first of them, UTC; 1970 without any',
    last_at     DateTime64(3, 'UTC') COMMENT 'end of the last of them, UTC; 1970 without any',
    hours       Array(UInt32) COMMENT 'plays by local hour, always 24',
    hours_ms    Array(UInt64) COMMENT 'milliseconds by local hour, always 24',
    genres      Array(Tuple(genre LowCardinality(String), plays UInt32, ms UInt64, first_at DateTime64(3, 'UTC'), last_at DateTime64(3, 'UTC'))) COMMENT 'by family, unknown too: plays, milliseconds, first and last end (UTC)',
    sessions    Array(Tuple(started_at DateTime64(3, 'UTC'), ended_at DateTime64(3, 'UTC'), plays UInt32, ms UInt64)) COMMENT 'sittings of the day, in order: start of the first play, end of the last (UTC), plays, milliseconds',
    artists     Array(Tuple(key UInt64, plays UInt32, ms UInt64, first_at DateTime64(3, 'UTC'), last_at DateTime64(3, 'UTC'), shown UInt64, own Bool, pictured UInt64)) COMMENT 'by artist: hash of artist_key, plays, milliseconds, first and last end (UTC), the play that names it, whether that is the thing itself, the newest play with a picture or 0',
    tracks      Array(Tuple(key UInt64, plays UInt32, ms UInt64, first_at DateTime64(3, 'UTC'), last_at DateTime64(3, 'UTC'), shown UInt64, own Bool, pictured UInt64)) COMMENT 'the same by track: hash of track_key',
    albums      Array(Tuple(key UInt64, plays UInt32, ms UInt64, first_at DateTime64(3, 'UTC'), last_at DateTime64(3, 'UTC'), shown UInt64, own Bool, pictured UInt64)) COMMENT 'the same by album: hash of artist_key and album'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener, day)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 256
COMMENT 'The daily rollup: what a listener played on one local day, as their settings count. Made from plays, seconds behind them'
