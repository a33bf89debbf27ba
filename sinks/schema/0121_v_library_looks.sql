CREATE VIEW IF NOT EXISTS v_library_looks
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    kind LowCardinality(String) COMMENT 'saved-track, followed-artist, top-track or top-artist',
    time_range LowCardinality(String) COMMENT 'of a top list: short, medium or long; else empty',
    looked_at DateTime64(3, 'UTC') COMMENT 'v_library is as of then, UTC',
    whole_at DateTime64(3, 'UTC') COMMENT 'the last look that read the whole list, UTC: what was removed since may still be shown',
    total UInt32 COMMENT 'how many items Spotify said that the list has; of a top list at most 100 are read'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    kind,
    time_range,
    looked_at,
    whole_at,
    total
FROM library_looks FINAL
COMMENT 'As of when each list of a listener''s library is known'
