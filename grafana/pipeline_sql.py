"""The SQL of the dashboard Pipeline: what the parts measured of themselves, and what the tables say.

Grafana's plugin expands the macros whose names begin with two underscores. "Now" is the end of
the chosen time range. The measures are those of sinks/measurements.py; a counter's rows are sums
that may be added up, over times and processes alike.
"""

from __future__ import annotations

_WITHIN = "measured_at BETWEEN $__fromTime AND $__toTime"
_LATELY = "measured_at BETWEEN $__toTime - INTERVAL 10 MINUTE AND $__toTime"
_NAME = "if(l.name = '', lower(leftPad(hex(m.listener), 16, '0')), l.name)"

# 240 points whatever the range is, but none shorter than what lies between two rows.
_STEP = """\
WITH
    greatest(10, intDiv(toUnixTimestamp($__toTime) - toUnixTimestamp($__fromTime), 240)) AS step"""
_TIME = "toDateTime(toStartOfInterval({moment}, toIntervalSecond(step)), 'UTC')"
_AT = _TIME.format(moment="measured_at")


def _newest(measure: str) -> str:
    """What each label, or listener, was measured as last, within ten minutes."""
    return f"""\
(
    SELECT label, listener, argMax(value, measured_at) AS value
    FROM v_measurements
    WHERE measure = '{measure}' AND {_LATELY}
    GROUP BY label, listener
)"""


LAG_NOW = f"SELECT sum(value) AS lag FROM {_newest('lag')} HAVING count() > 0"

POLL_AGE_NOW = f"SELECT max(value) AS age FROM {_newest('poll_age')} HAVING count() > 0"

BLOCKED_NOW = f"SELECT max(value) AS blocked FROM {_newest('blocked')} HAVING count() > 0"

SILENT = f"""\
SELECT part, toFloat64(dateDiff('second', max(measured_at), $__toTime)) AS silent
FROM v_measurements
WHERE measure IN ('stored', 'blocked') AND {_WITHIN}
GROUP BY part
ORDER BY part DESC"""

REFUSED_OPEN = """\
SELECT toFloat64(count()) AS refused
FROM v_dead_letters
WHERE refused_at BETWEEN $__fromTime AND $__toTime AND resolved_at IS NULL"""

LAG = f"""\
{_STEP}
SELECT {_AT} AS time, label AS queue, max(value) AS lag
FROM v_measurements
WHERE measure = 'lag' AND {_WITHIN}
GROUP BY time, queue
ORDER BY time, queue"""

_SHOWN = (
    ("read", "plays in", " AND label = 'music.play.recorded.v1'"),
    ("stored", "stored", ""),
    ("known", "known before", ""),
    ("enriched", "enriched", ""),
    ("refused", "refused", ""),
)
_PER_MINUTE = ",\n        ".join(
    f"sumIf(value, measure = '{measure}'{more}) / minutes AS `{name}`" for measure, name, more in _SHOWN
)
# The last point is divided by what has passed of it.
EVENTS = f"""\
SELECT * EXCEPT minutes
FROM
(
    {_STEP}
    SELECT
        {_AT} AS time,
        greatest(10, least(step, dateDiff('second', time, $__toTime))) / 60 AS minutes,
        {_PER_MINUTE}
    FROM v_measurements
    WHERE measure IN ({", ".join(f"'{measure}'" for measure, _, _ in _SHOWN)}) AND {_WITHIN}
    GROUP BY time
)
ORDER BY time"""


def _quantile(share: float) -> str:
    """Within the bucket where it lies as if that were evenly filled, as Prometheus reckons it."""
    rank = f"{share} * upto[-1]"
    found = f"arrayFirstIndex(reached -> reached >= {rank}, upto)"
    return (
        f"lows[{found}] + (highs[{found}] - lows[{found}]) "
        f"* ({rank} - (upto[{found}] - counts[{found}])) / counts[{found}]"
    )


def _latency(time: str, within: str) -> str:
    quantiles = ",\n    ".join(f"{_quantile(share)} AS {name}" for name, share in QUANTILES)
    return f"""\
SELECT
    time,
    {quantiles}
FROM
(
    SELECT
        time,
        arraySort(groupArray((low, high, came))) AS buckets,
        buckets.1 AS lows,
        buckets.2 AS highs,
        buckets.3 AS counts,
        arrayCumSum(counts) AS upto
    FROM
    (
        SELECT
            {time} AS time,
            splitByChar(' ', label) AS bounds,
            toFloat64(bounds[1]) AS low,
            if(bounds[2] = '+Inf', low, toFloat64OrZero(bounds[2])) AS high,
            sum(value) AS came
        FROM v_measurements
        WHERE measure = 'queryable' AND {within}
        GROUP BY time, bounds
        HAVING came > 0
    )
    GROUP BY time
)
ORDER BY time"""


QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
LATENCY = f"{_STEP}\n{_latency(_AT, _WITHIN)}"
LATENCY_NOW = f"SELECT p99 FROM ({_latency('toDateTime($__toTime)', _LATELY)})"

DEAD_LETTERS = """\
SELECT
    reason,
    toFloat64(countIf(resolved_at IS NULL)) AS open,
    toFloat64(countIf(resolved_at IS NOT NULL)) AS resolved
FROM v_dead_letters
WHERE refused_at BETWEEN $__fromTime AND $__toTime
GROUP BY reason
ORDER BY open + resolved DESC, reason"""

POLL_AGE = f"""\
{_STEP}
SELECT time, {_NAME} AS listener_name, m.age AS age
FROM
(
    SELECT {_AT} AS time, listener, max(value) AS age
    FROM v_measurements
    WHERE measure = 'poll_age' AND {_WITHIN}
    GROUP BY time, listener
) AS m
LEFT JOIN v_listeners AS l ON l.listener = m.listener
ORDER BY time, listener_name"""

# Of the rows as they were written (without FINAL): a play that is stamped anew counts again.
COVERAGE = f"""\
{_STEP}
SELECT
    {_TIME.format(moment="stored_at")} AS time,
    countIf(genre != 'unknown') / count() AS `genre known`,
    countIf(artist_id != '') / count() AS `artist linked`,
    countIf(ms_played IS NOT NULL) / count() AS `time heard known`
FROM plays
WHERE stored_at BETWEEN $__fromTime AND $__toTime AND is_deleted = 0
GROUP BY time
ORDER BY time"""

ASKED = f"""\
{_STEP}
SELECT
    {_AT} AS time,
    sumIf(value, measure = 'polls') AS calls,
    sumIf(value, measure = 'told_to_wait' AND label = 'rate') AS `told to slow down`,
    sumIf(value, measure = 'told_to_wait' AND label = 'quota') AS `quota used up`
FROM v_measurements
WHERE measure IN ('polls', 'told_to_wait') AND {_WITHIN}
GROUP BY time
ORDER BY time"""

GAPS = f"""\
SELECT
    {_NAME} AS listener,
    m.source AS source,
    m.gap_start AS from,
    m.gap_end AS until,
    if(m.closed_at IS NULL, 'open', 'closed') AS state
FROM v_gaps AS m
LEFT JOIN v_listeners AS l ON l.listener = m.listener
WHERE m.gap_start <= $__toTime AND (m.closed_at IS NULL OR m.gap_end >= $__fromTime)
ORDER BY m.gap_start DESC
LIMIT 50"""
