CREATE VIEW IF NOT EXISTS v_day_tracks
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    day Date COMMENT 'local day on which the plays began',
    season LowCardinality(String) COMMENT 'winter, spring, summer, autumn: of the day''s last play',
    track UInt64 COMMENT 'hash of track_key, as in listener_days',
    plays UInt32 COMMENT 'plays that count',
    minutes Float64 COMMENT 'minutes heard in them',
    first_at DateTime64(3, 'UTC') COMMENT 'first end, UTC',
    last_at DateTime64(3, 'UTC') COMMENT 'last end, UTC',
    shown UInt64 COMMENT 'id of the play that says what it is called'
)
AS
SELECT
    listener,
    listener_hex,
    day,
    season,
    track_of_day AS track,
    track_plays AS plays,
    track_ms / 60000 AS minutes,
    track_first AS first_at,
    track_last AS last_at,
    track_shown AS shown
FROM v_days
ARRAY JOIN
    tracks.key AS track_of_day,
    tracks.plays AS track_plays,
    tracks.ms AS track_ms,
    tracks.first_at AS track_first,
    tracks.last_at AS track_last,
    tracks.shown AS track_shown
COMMENT 'Counted plays of each local day and track; the play named by shown says how the track is called'
