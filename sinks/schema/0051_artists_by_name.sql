ALTER TABLE artists ADD PROJECTION IF NOT EXISTS names
(
    SELECT folded_name, artist_id
    ORDER BY folded_name
) WITH SETTINGS (index_granularity = 128)
