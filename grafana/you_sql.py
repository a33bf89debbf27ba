"""The SQL of the dashboard You: personalities as they were computed, and the listeners side by side."""

from __future__ import annotations

from grafana.board_sql import ME

# Windows of which there is a profile: the fixed ones first.
PROFILES = f"""\
WITH {ME} AS me
SELECT window
FROM profiles
WHERE listener = me
GROUP BY window
ORDER BY indexOf(['all', '90d'], window) DESC, window DESC"""

_NEWEST = """\
    newest AS
    (
        SELECT persona, confidence, reasons, computed_at
        FROM profiles FINAL
        WHERE listener = me AND window = ${profile:singlequote} AND computed_at <= $__toTime
        ORDER BY computed_at DESC
        LIMIT 1
    )"""
_NAME = "if(persona = '', 'Not enough plays yet', persona)"

PERSONALITY = f"""\
WITH
    {ME} AS me,
{_NEWEST}
SELECT {_NAME} AS personality
FROM newest"""

CONFIDENCE = f"""\
WITH
    {ME} AS me,
{_NEWEST}
SELECT confidence
FROM newest"""

REASONS = f"""\
WITH
    {ME} AS me,
{_NEWEST}
SELECT arrayJoin(reasons) AS reason
FROM newest"""

# Only the changes; the last one before the range begins with it, and the newest lasts until its end.
HISTORY = f"""\
WITH
    {ME} AS me,
    known AS
    (
        SELECT computed_at, personality
        FROM
        (
            SELECT
                computed_at,
                {_NAME} AS personality,
                lagInFrame(toNullable(personality)) OVER (
                    ORDER BY computed_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                ) AS before
            FROM profiles FINAL
            WHERE listener = me AND window = ${{profile:singlequote}} AND computed_at <= $__toTime
        )
        WHERE before IS NULL OR before != personality
    )
SELECT time, personality
FROM
(
    SELECT toDateTime64($__fromTime, 3, 'UTC') AS time, argMax(personality, computed_at) AS personality
    FROM known WHERE computed_at <= $__fromTime HAVING count() > 0
    UNION ALL
    SELECT computed_at AS time, personality FROM known WHERE computed_at > $__fromTime
    UNION ALL
    SELECT toDateTime64($__toTime, 3, 'UTC') AS time, argMax(personality, computed_at) AS personality
    FROM known HAVING count() > 0
)
ORDER BY time"""

# What is a share, so that one axis holds them all, and how it is called.
SHARES = {
    "active_days_share": "days with music",
    "night_share": "at night",
    "evening_share": "in the evening",
    "weekend_share": "at weekends",
    "discovery_rate": "new tracks",
    "repeat_rate": "repeated within a week",
    "top_artist_share": "the top artist",
    "skip_share": "skipped",
}

DRIFT = f"""\
WITH
    {ME} AS me,
    {list(SHARES)} AS shares,
    {list(SHARES.values())} AS names
SELECT
    toDateTime(toStartOfDay(computed_at), 'UTC') AS time,
    names[indexOf(shares, feature)] AS habit,
    argMax(figure, computed_at) AS share
FROM
(
    SELECT computed_at, feature, figure
    FROM profiles FINAL
    ARRAY JOIN mapKeys(features) AS feature, mapValues(features) AS figure
    WHERE listener = me AND window = ${{profile:singlequote}}
        AND computed_at BETWEEN $__fromTime AND $__toTime AND has(shares, feature)
)
GROUP BY time, habit
ORDER BY time, habit"""

# The newest of each is found by primary key before its features are read.
LISTENERS_COMPARED = f"""\
SELECT
    l.name AS listener,
    {_NAME} AS personality,
    toFloat64(p.plays) AS plays,
    if(mapContains(features, 'mainstream_index'), features['mainstream_index'], NULL) AS mainstream,
    if(mapContains(features, 'discovery_rate'), features['discovery_rate'], NULL) AS discovery,
    if(mapContains(features, 'night_share'), features['night_share'], NULL) AS night,
    if(mapContains(features, 'plays_per_active_day'), features['plays_per_active_day'], NULL) AS a_day
FROM
(
    SELECT listener, persona, plays, features
    FROM profiles FINAL
    WHERE window = ${{profile:singlequote}} AND (listener, computed_at) IN
    (
        SELECT listener, max(computed_at)
        FROM profiles
        WHERE window = ${{profile:singlequote}} AND computed_at <= $__toTime
        GROUP BY listener
    )
) AS p
INNER JOIN v_listeners AS l ON l.listener = p.listener
ORDER BY plays DESC, listener"""
