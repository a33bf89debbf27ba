CREATE VIEW IF NOT EXISTS v_artists AS
SELECT *
FROM artists FINAL
ORDER BY artist_id, genre = 'unknown', version DESC
LIMIT 1 BY artist_id
COMMENT 'The catalogue, one row an artist: of several sources, the newest that knows a genre'
