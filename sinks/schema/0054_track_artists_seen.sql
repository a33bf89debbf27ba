CREATE MATERIALIZED VIEW IF NOT EXISTS track_artists_seen TO track_artists
(
    uri        String COMMENT 'Spotify URI of a track',
    version    UInt64 COMMENT 'of the sighting',
    artist_ids Array(String) COMMENT 'Spotify artist ids of the track'
)
AS SELECT uri, version, artist_ids
FROM sightings
WHERE uri != '' AND is_deleted = 0 AND arrayExists(id -> id != '', artist_ids)
COMMENT 'Feeds track_artists; a repeated sighting says the same again'
