CREATE VIEW IF NOT EXISTS v_catalogue
(
    artist_id String COMMENT 'Spotify artist id',
    name String COMMENT 'as given',
    genre LowCardinality(String) COMMENT 'family decided from the raw genres, or unknown',
    subgenre String COMMENT 'the raw genre that decided, or empty',
    genres Array(String) COMMENT 'raw, as given',
    popularity Nullable(UInt8) COMMENT '0 to 100, where given',
    band Nullable(String) COMMENT 'by popularity: niche (0 to 19), rising, known, popular, star (80 to 100), or unknown',
    followers Nullable(UInt64) COMMENT 'where given',
    source LowCardinality(String) COMMENT 'who described it'
)
AS
SELECT
    artist_id,
    name,
    genre,
    subgenre,
    genres,
    popularity,
    if(popularity IS NULL, 'unknown', ['niche', 'rising', 'known', 'popular', 'star'][least(intDiv(popularity, 20), 4) + 1]) AS band,
    followers,
    source
FROM v_artists
ORDER BY genre = 'unknown', genre, popularity IS NULL, popularity DESC, name, artist_id
COMMENT 'The catalogue, by family and popularity: bands of 20 points, niche, rising, known, popular and star'
