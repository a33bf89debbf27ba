CREATE VIEW IF NOT EXISTS v_day_tracks AS
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
