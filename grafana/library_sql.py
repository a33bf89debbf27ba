"""The SQL of the panels about the library: what stands there, against what is played."""

from __future__ import annotations

from grafana.board_sql import ME

# How each list is called, and in which order they are compared.
LISTS = {
    "plays": "all plays",
    "saved-track": "saved tracks",
    "followed-artist": "followed artists",
    "top-artist": "favourite artists",
    "top-track": "favourite tracks",
}
BANDS = ("niche", "rising", "known", "popular", "star")

# A listener without a library has no plays to compare it with.
WELL_KNOWN = f"""\
WITH
    {ME} AS me,
    {list(LISTS)} AS kinds,
    {list(LISTS.values())} AS names
SELECT
    concat(
        names[indexOf(kinds, what)],
        if(coverage < 0.995, concat(' (', toString(floor(100 * coverage)), '% known)'), '')
    ) AS of,
    {", ".join(f"{band} / rated_items AS {band}" for band in BANDS)}
FROM v_library_mainstream
WHERE listener = me AND rated_items > 0 AND me IN (SELECT listener FROM v_library WHERE listener = me)
ORDER BY indexOf(kinds, what)"""

FOLLOWED = f"""\
WITH {ME} AS me
SELECT if(state = 'never', 'never heard', state) AS followed, toFloat64(count()) AS artists
FROM v_followed_artists
WHERE listener = me
GROUP BY state
ORDER BY indexOf(['heard', 'fading', 'dropped', 'never'], state)"""

# The six who rose most and the six who fell most, of those who are or were among the first 50; a column for each
# way, since a bar has the colour of its column.
MOVED = f"""\
WITH {ME} AS me
SELECT artist, greatest(moved, 0.) AS risen, greatest(-moved, 0.) AS fallen
FROM
(
    SELECT artist, toFloat64(max(places)) AS moved
    FROM v_favourites
    WHERE listener = me AND kind = 'top-artist' AND places != 0 AND least(short, short + places) <= 50
    GROUP BY artist
    ORDER BY abs(moved) DESC, artist
    LIMIT 6 BY moved > 0
)
ORDER BY moved DESC, artist"""

FAVOURITES = f"""\
WITH {ME} AS me
SELECT
    image_url AS cover,
    artist,
    toFloat64(short) AS `4 weeks`,
    toFloat64(medium) AS `6 months`,
    toFloat64(long) AS `1 year`,
    if(ifNull(places, 0) = 0, trend, concat(trend, ' ', toString(abs(places)))) AS trend
FROM v_favourites
WHERE listener = me AND kind = 'top-artist'
ORDER BY short NULLS LAST, medium NULLS LAST, long NULLS LAST, item
LIMIT 20"""

UNHEARD_SHARE = f"""\
WITH {ME} AS me
SELECT countIf(plays = 0) / count() AS unheard
FROM v_saved_tracks
WHERE listener = me
HAVING count() > 0"""

NEVER_PLAYED = f"""\
WITH {ME} AS me
SELECT
    image_url AS cover,
    title AS track,
    artist,
    ifNull(toString(toDate(added_at)), '') AS saved
FROM v_liked_never_played
WHERE listener = me
ORDER BY added_at DESC NULLS LAST, item
LIMIT 20"""

DROPPED = f"""\
WITH {ME} AS me
SELECT
    image_url AS cover,
    artist,
    if(state = 'never', 'never heard', state) AS state,
    toFloat64(plays) AS plays,
    ifNull(toString(toDate(last_at)), '') AS heard_last
FROM v_followed_artists
WHERE listener = me AND state != 'heard'
ORDER BY plays DESC, lower(artist), item
LIMIT 20"""
