CREATE VIEW IF NOT EXISTS v_favourites
(
    listener UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    listener_hex String COMMENT 'the listener''s id as 16 hexadecimal digits',
    kind LowCardinality(String) COMMENT 'top-track or top-artist',
    item String COMMENT 'Spotify id of the track or artist',
    title String COMMENT 'of a track; empty for an artist',
    artist String COMMENT 'the first artist of a track, or the artist',
    artist_id String COMMENT 'Spotify id of that artist',
    image_url String COMMENT 'picture of the album or the artist; empty: none is known',
    uri String COMMENT 'Spotify URI of the track or artist',
    short Nullable(UInt16) COMMENT 'position in the top list of 4 weeks, from 1; null: not in it',
    medium Nullable(UInt16) COMMENT 'position in the top list of 6 months; null: not in it',
    long Nullable(UInt16) COMMENT 'position in the top list of 1 year; null: not in it',
    trend LowCardinality(String) COMMENT 'of 4 weeks against 6 months, or against the year where it is in no list of 6 months: new, risen, steady, fallen, or left (in no list of 4 weeks)',
    places Nullable(Int32) COMMENT 'how many places it rose by that; negative: it fell; null: new or left'
)
AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    kind,
    item,
    title,
    artist,
    artist_id,
    image_url,
    uri,
    nullIf(in_short, 0) AS short,
    nullIf(in_medium, 0) AS medium,
    nullIf(in_long, 0) AS long,
    multiIf(
        in_short = 0, 'left',
        before = 0, 'new',
        in_short < before, 'risen',
        in_short > before, 'fallen',
        'steady'
    ) AS trend,
    if(in_short = 0 OR before = 0, NULL, toInt32(before) - toInt32(in_short)) AS places
FROM
(
    SELECT
        listener,
        kind,
        item,
        argMax(library_items.title, version) AS title,
        argMax(library_items.artist, version) AS artist,
        argMax(library_items.artist_id, version) AS artist_id,
        argMax(library_items.image_url, version) AS image_url,
        argMax(library_items.uri, version) AS uri,
        maxIf(position, time_range = 'short') AS in_short,
        maxIf(position, time_range = 'medium') AS in_medium,
        maxIf(position, time_range = 'long') AS in_long,
        if(in_medium > 0, in_medium, in_long) AS before
    FROM library_items FINAL
    WHERE removed_at IS NULL AND kind IN ('top-track', 'top-artist')
    GROUP BY listener, kind, item
)
COMMENT 'Favourites as Spotify ranks them, over three ranges side by side: what rose and what fell'
