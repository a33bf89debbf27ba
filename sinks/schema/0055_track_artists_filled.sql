INSERT INTO track_artists
SELECT uri, max(version), argMax(artist_ids, version)
FROM sightings
WHERE uri != '' AND is_deleted = 0 AND arrayExists(id -> id != '', artist_ids)
GROUP BY uri
