CREATE VIEW IF NOT EXISTS v_day_popularity
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    day Date COMMENT 'local day on which the plays began',
    season LowCardinality(String) COMMENT 'winter, spring, summer, autumn: of the day''s last play',
    plays UInt64 COMMENT 'plays that count',
    rated_plays UInt64 COMMENT 'plays of artists whose popularity is known',
    popularity_sum UInt64 COMMENT 'sum of the artists popularity (0 to 100) over those plays'
)
AS
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
