CREATE VIEW IF NOT EXISTS v_day_popularity AS
SELECT
    d.listener AS listener,
    lower(leftPad(hex(d.listener), 16, '0')) AS listener_hex,
    d.day AS day,
    d.season AS season,
    sum(d.plays) AS plays,
    sumIf(d.plays, a.popularity IS NOT NULL) AS rated_plays,
    sum(d.plays * ifNull(a.popularity, 0)) AS popularity_sum
FROM v_day_artists AS d
LEFT JOIN
(
    SELECT cityHash64(artist_id) AS artist, max(artists.popularity) AS popularity
    FROM artists FINAL
    WHERE artists.popularity IS NOT NULL
    GROUP BY artist
) AS a ON d.artist = a.artist
GROUP BY d.listener, d.day, d.season
COMMENT 'The mainstream index in parts: sum(popularity_sum) / sum(rated_plays), 0 to 100, of any local days'
