"""The SQL that the dashboards share: who, which local days, and what is marked in the time line.

Grafana's plugin expands the macros whose names begin with two underscores, and `${listener}` is
the 16 digits of the listener's id.
"""

from __future__ import annotations

LISTENERS = "SELECT listener_hex, name FROM v_listeners ORDER BY is_demo, name"

# The id as a number, so that the primary key is used.
ME = "reinterpretAsUInt64(reverse(unhex(${listener:singlequote})))"

# `me`, and `today`: the local date where the listener lives at the end of the time range.
TODAY = f"""\
WITH
    {ME} AS me,
    (
        SELECT arrayFirst(z -> z.starts <= $__toTime, arrayReverse(zones)).zone
        FROM v_listeners WHERE listener = me
    ) AS home,
    ifNull(nullIf(home, ''), 'UTC') AS zone,
    toDate(toTimeZone($__toTime, zone)) AS today"""

# The local days from `from_day` to `to_day`, both inside, of the chosen window, and a range of play ids that
# holds every play of them (an id begins with the second of the end; see sinks/windows.py).
WINDOW = f"""\
{TODAY},
    toUInt16OrZero(${{window:singlequote}}) AS of_year,
    multiIf(
        of_year > 0, makeDate(of_year, 1, 1),
        ${{window:singlequote}} = 'all', toDate('1970-01-01'),
        toDate(toTimeZone($__fromTime, zone))
    ) AS from_day,
    multiIf(
        of_year > 0, makeDate(of_year, 12, 31),
        ${{window:singlequote}} = 'all', toDate('2100-01-01'),
        today
    ) AS to_day,
    least(to_day, today) AS end_day,
    bitShiftLeft(toUInt64(greatest(0, toInt64(toUInt16(from_day)) - 1) * 86400), 32) AS from_id,
    bitShiftLeft(toUInt64((toUInt16(to_day) + 3) * 86400), 32) AS until_id"""

WINDOWS = f"""\
WITH {ME} AS me
SELECT value, text
FROM
(
    SELECT 0 AS place, 'range' AS value, 'Time range' AS text
    UNION ALL
    SELECT 1 AS place, 'all' AS value, 'All time' AS text
    UNION ALL
    SELECT DISTINCT 3000 - toYear(day) AS place, toString(toYear(day)) AS value, value AS text
    FROM v_days
    WHERE listener = me
)
ORDER BY place"""

IMPORTS = f"""\
WITH {ME} AS me
SELECT
    started_at AS time,
    ifNull(finished_at, started_at) AS timeEnd,
    concat('Import ', state) AS title,
    concat(toString(published), ' plays of ', arrayStringConcat(files, ', ')) AS text,
    'import' AS tags
FROM v_imports
WHERE listener = me AND started_at <= $__toTime AND ifNull(finished_at, started_at) >= $__fromTime
ORDER BY time"""

GAPS = f"""\
WITH {ME} AS me
SELECT
    gap_start AS time,
    gap_end AS timeEnd,
    if(closed_at IS NULL, 'Plays may be missing', 'Plays were missing') AS title,
    concat(source, if(closed_at IS NULL, '', ': an import covered it')) AS text,
    'gap' AS tags
FROM v_gaps
WHERE listener = me AND gap_start <= $__toTime AND gap_end >= $__fromTime
ORDER BY time"""


def named(rows: str, columns: str, *, limit: int) -> str:
    """The end of a query over `rows`, a SELECT of (play that names it, ...) by rank, with what plays call the thing.

    `columns` may use `one`, the tuple, and the columns of the play that names it. The rows are
    made once, as a constant, so that plays and artists are found by primary key.
    """
    return f"""\
    (
        SELECT groupArray(one) FROM ({rows} LIMIT {limit})
    ) AS top,
    called AS
    (
        SELECT play_id, artist_id, title, artist, album, image_url
        FROM v_all_plays
        WHERE listener = me AND play_id IN (SELECT arrayJoin(top).1)
    )
SELECT {columns}
FROM (SELECT arrayJoin(arrayEnumerate(top)) AS place, top[place] AS one, one.1 AS named_by) AS ranked
INNER JOIN called ON called.play_id = ranked.named_by"""
