CREATE VIEW IF NOT EXISTS v_followed_artists
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    item String COMMENT 'Spotify id of the artist',
    artist String COMMENT 'name of the artist, as given',
    image_url String COMMENT 'picture of the artist, or empty',
    uri String COMMENT 'Spotify URI of the artist',
    plays UInt64 COMMENT 'counted plays of the artist, by id, or by name where plays have no id',
    plays_recent UInt64 COMMENT 'of them on the listener''s newest day with music and the 89 days before it',
    plays_before UInt64 COMMENT 'of them on the 365 days before those',
    last_at Nullable(DateTime64(3, 'UTC')) COMMENT 'end of the last of them, UTC; null: never heard',
    state LowCardinality(String) COMMENT 'never: no play; dropped: none in the recent 90 days; fading: a fifth or less as often a day in them as in the 365 days before, of at least 20 plays there; else heard'
)
AS
SELECT
    followed.listener AS listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    followed.item AS item,
    any(followed.artist) AS artist,
    any(followed.image_url) AS image_url,
    any(followed.uri) AS uri,
    sum(of_all) AS plays,
    sum(of_recent) AS plays_recent,
    sum(of_before) AS plays_before,
    nullIf(max(heard.last_at), toDateTime64(0, 3, 'UTC')) AS last_at,
    multiIf(
        plays = 0, 'never',
        plays_recent = 0, 'dropped',
        plays_before >= 20 AND plays_recent * 365 * 5 <= plays_before * 90, 'fading',
        'heard'
    ) AS state
FROM
(
    SELECT
        listener, item, artist, image_url, uri,
        arrayJoin(arrayDistinct([cityHash64(item), cityHash64(lowerUTF8(artist))])) AS key
    FROM v_library
    WHERE kind = 'followed-artist'
) AS followed
LEFT JOIN
(
    SELECT
        d.listener AS listener,
        d.artist AS key,
        sum(d.plays) AS of_all,
        sumIf(d.plays, d.day > newest - 90) AS of_recent,
        sumIf(d.plays, d.day <= newest - 90 AND d.day > newest - 455) AS of_before,
        max(d.last_at) AS last_at
    FROM v_day_artists AS d
    INNER JOIN (SELECT listener, max(day) AS newest FROM v_days GROUP BY listener) AS n ON n.listener = d.listener
    GROUP BY listener, key
) AS heard ON heard.listener = followed.listener AND heard.key = followed.key
GROUP BY listener, item
COMMENT 'Followed artists: heard, dropped, fading or never heard, counted back from the listener''s newest day with music, so that a pause drops nobody'
