CREATE VIEW IF NOT EXISTS v_catalogue AS
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
