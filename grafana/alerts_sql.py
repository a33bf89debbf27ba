"""The SQL of the alerts. Each gives a table without a time: one number, and texts that tell its rows apart.

Nobody's browser is there when a rule is evaluated: no variables, no macros, and "now" is the
database's. What is read is sinks/measurements.py, written every ten seconds, so that rows of the
last minutes say how it is, and none says that a part is gone.
"""

from __future__ import annotations

_NOW = "now64(3, 'UTC')"
_NAMED = "LEFT JOIN v_listeners AS l ON l.listener = m.listener"
_NAME = "if(l.name = '', lower(leftPad(hex(m.listener), 16, '0')), l.name)"

ANSWERS = "SELECT toFloat64(1) AS answers"

SILENT_PARTS = f"""\
SELECT part, toFloat64(dateDiff('second', max(measured_at), {_NOW})) AS silent
FROM v_measurements
WHERE measure IN ('stored', 'blocked') AND measured_at > {_NOW} - INTERVAL 1 DAY
GROUP BY part
ORDER BY part"""

# The row of nobody says that the collector is there: without any row it is not.
POLL_AGE = f"""\
SELECT {_NAME} AS listener_name, m.age AS age
FROM
(
    SELECT
        listener,
        argMax(value, measured_at) + dateDiff('second', max(measured_at), {_NOW}) AS age
    FROM v_measurements
    WHERE measure = 'poll_age' AND measured_at > {_NOW} - INTERVAL 10 MINUTE
    GROUP BY listener
) AS m
{_NAMED}
UNION ALL
SELECT 'nobody' AS listener_name, toFloat64(0) AS age
FROM v_measurements
WHERE measure = 'blocked' AND measured_at > {_NOW} - INTERVAL 10 MINUTE
HAVING count() > 0
ORDER BY listener_name"""

# How long the least of a quarter of an hour's lag takes at the pace of that quarter: a moment's
# peak and a full pipe that flows count for nothing, one record that nobody takes up for all.
CATCHING_UP = f"""\
SELECT lagging.queue AS queue, lagging.span * lagging.least / (1 + taken.records) AS seconds
FROM
(
    SELECT
        label AS queue,
        splitByChar('/', label)[-1] AS topic,
        min(value) AS least,
        greatest(60, dateDiff('second', min(measured_at), {_NOW})) AS span
    FROM v_measurements
    WHERE measure = 'lag' AND measured_at > {_NOW} - INTERVAL 15 MINUTE
    GROUP BY label
) AS lagging
LEFT JOIN
(
    SELECT label AS topic, sum(value) AS records
    FROM v_measurements
    WHERE measure = 'read' AND measured_at > {_NOW} - INTERVAL 15 MINUTE
    GROUP BY label
) AS taken ON taken.topic = lagging.topic
ORDER BY queue"""

# Not those of imports, which tell who imported; nor what comes for somebody who was erased.
DEAD_LETTERS = f"""\
SELECT reason, toFloat64(count()) AS records
FROM v_dead_letters
WHERE refused_at > {_NOW} - INTERVAL 1 DAY AND import_id = 0 AND reason != 'erased' AND resolved_at IS NULL
GROUP BY reason
ORDER BY reason"""

SIGN_IN_AGAIN = f"""\
SELECT {_NAME} AS listener_name, m.must AS must
FROM
(
    SELECT listener, toFloat64(argMax(label, measured_at) = 'reconnect') AS must
    FROM v_measurements
    WHERE measure = 'connection' AND measured_at > {_NOW} - INTERVAL 10 MINUTE
    GROUP BY listener
) AS m
{_NAMED}
ORDER BY listener_name"""

TOKEN_DAYS = f"""\
SELECT {_NAME} AS listener_name, m.days AS days
FROM
(
    SELECT listener, argMax(value, measured_at) / 86400 AS days
    FROM v_measurements
    WHERE measure = 'token_left' AND measured_at > {_NOW} - INTERVAL 10 MINUTE
    GROUP BY listener
) AS m
{_NAMED}
ORDER BY listener_name"""

BLOCKED = f"""\
SELECT argMax(value, measured_at) AS seconds
FROM v_measurements
WHERE measure = 'blocked' AND measured_at > {_NOW} - INTERVAL 5 MINUTE
HAVING count() > 0"""
