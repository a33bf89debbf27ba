CREATE VIEW IF NOT EXISTS v_library_mainstream
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    what LowCardinality(String) COMMENT 'saved-track, followed-artist, top-track, top-artist, or plays: all counted plays, to compare with',
    items UInt64 COMMENT 'different tracks, artists, or plays',
    rated_items UInt64 COMMENT 'of them those whose artist''s popularity the catalogue knows',
    coverage Float64 COMMENT 'share of them whose popularity is known, 0 to 1: the figures that follow are of these alone',
    mainstream_index Nullable(Float64) COMMENT 'mean popularity of the artists, 0 to 100; null: none is known',
    mainstream_share Nullable(Float64) COMMENT 'share whose artist has a popularity of 60 or more (popular or star in v_catalogue), 0 to 1; null: none is known',
    niche UInt64 COMMENT 'items of artists with a popularity of 0 to 19',
    rising UInt64 COMMENT 'of 20 to 39',
    known UInt64 COMMENT 'of 40 to 59',
    popular UInt64 COMMENT 'of 60 to 79',
    star UInt64 COMMENT 'of 80 to 100'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    what,
    sum(n) AS items,
    sumIf(n, rating IS NOT NULL) AS rated_items,
    if(items = 0, 0, rated_items / items) AS coverage,
    if(rated_items = 0, NULL, sum(n * ifNull(rating, 0)) / rated_items) AS mainstream_index,
    if(rated_items = 0, NULL, sumIf(n, rating >= 60) / rated_items) AS mainstream_share,
    sumIf(n, rating < 20) AS niche,
    sumIf(n, rating >= 20 AND rating < 40) AS rising,
    sumIf(n, rating >= 40 AND rating < 60) AS known,
    sumIf(n, rating >= 60 AND rating < 80) AS popular,
    sumIf(n, rating >= 80) AS star
FROM
(
    SELECT listener, toString(kind) AS what, cityHash64(artist_id) AS key, uniqExact(item) AS n
    FROM v_library
    GROUP BY listener, what, key
    UNION ALL
    SELECT listener, 'plays' AS what, artist AS key, toUInt64(sum(plays)) AS n
    FROM v_day_artists
    GROUP BY listener, key
) AS counted
LEFT JOIN
(
    SELECT cityHash64(artist_id) AS rated, toNullable(max(popularity)) AS rating
    FROM artists FINAL
    WHERE popularity IS NOT NULL
    GROUP BY rated
) AS catalogue ON catalogue.rated = counted.key
GROUP BY listener, what
COMMENT 'How well known the artists of a listener''s library are, against those of the plays'
