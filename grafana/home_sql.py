"""The SQL of the home dashboard: everybody at a glance, from the daily rollup."""

from __future__ import annotations

# Days are each listener's own, so "seven days" reach a day further where their clocks are ahead of UTC.
LISTENERS = """\
WITH toDate($__toTime, 'UTC') AS today
SELECT
    l.listener_hex AS id,
    l.name AS listener,
    toFloat64(week) AS plays,
    ifNull(nullIf(w.persona, ''), '–') AS personality,
    if(newest > toDateTime64(0, 3, 'UTC'), toNullable(newest), NULL) AS last_play
FROM v_listeners AS l
LEFT JOIN
(
    SELECT listener, sumIf(plays, day > today - 7) AS week, max(last_at) AS newest
    FROM v_days
    GROUP BY listener
) AS d ON d.listener = l.listener
LEFT JOIN (SELECT listener, persona FROM v_profiles WHERE window = '90d') AS w ON w.listener = l.listener
ORDER BY l.is_demo, plays DESC, l.name"""
