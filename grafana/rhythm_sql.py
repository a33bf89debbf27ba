"""The SQL of the dashboard Rhythm: when music is played, by the stamped local hours and days.

All of it from the daily rollup, seconds behind the plays.
"""

from __future__ import annotations

from grafana.board_sql import TODAY, WINDOW

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_DAYS = "listener = me AND day BETWEEN from_day AND to_day"

CLOCK = f"""\
{WINDOW}
SELECT leftPad(toString(local_hour), 2, '0') AS hour, toFloat64(sum(plays)) AS plays
FROM v_day_hours
WHERE {_DAYS}
GROUP BY hour
ORDER BY hour"""

_HOURS = ",\n    ".join(f"toFloat64(by_hour[{hour + 1}]) AS `{hour:02}`" for hour in range(24))
WEEK = f"""\
{WINDOW}
SELECT
    arrayElement({list(WEEKDAYS)}, number) AS weekday,
    {_HOURS}
FROM
(
    SELECT weekday AS number, sumForEach(hours) AS by_hour
    FROM v_days
    WHERE {_DAYS}
    GROUP BY number
    ORDER BY number WITH FILL FROM 1 TO 8
)
ORDER BY number"""

# By day: plays of all Mondays to Fridays, shared among as many days as there were of them, with music or
# without, since the first day with music.
WEEKDAY_AND_WEEKEND = f"""\
{WINDOW},
    greatest(from_day, (SELECT min(day) FROM v_days WHERE listener = me)) AS began,
    toUInt32(greatest(1, toInt32(end_day) - toInt32(began) + 1)) AS days,
    arrayMap(n -> toDayOfWeek(began + n) > 5, range(days)) AS free
SELECT
    leftPad(toString(local_hour), 2, '0') AS hour,
    sumIf(plays, weekday <= 5) / greatest(1, arrayCount(x -> NOT x, free)) AS weekday_plays,
    sumIf(plays, weekday > 5) / greatest(1, arrayCount(x -> x, free)) AS weekend_plays
FROM v_day_hours
WHERE {_DAYS}
GROUP BY hour
ORDER BY hour"""

SESSIONS = f"""\
{WINDOW}
SELECT length_minutes AS minutes
FROM v_sessions
WHERE listener = me AND local_date BETWEEN from_day AND to_day
ORDER BY minutes"""

STREAKS = f"""\
{TODAY}
SELECT maxIf(days, v_streaks.last_day >= today - 1) AS now, max(days) AS longest
FROM v_streaks
WHERE listener = me AND v_streaks.first_day <= today"""

_CALENDAR = ",\n    ".join(
    f"toFloat64(sumIf(plays, weekday = {number})) AS {name}" for number, name in enumerate(WEEKDAYS, start=1)
)
CALENDAR = f"""\
{WINDOW}
SELECT
    toDateTime(toMonday(day), 'UTC') AS time,
    {_CALENDAR}
FROM v_days
WHERE {_DAYS}
GROUP BY time
ORDER BY time WITH FILL STEP INTERVAL 7 DAY"""
