CREATE VIEW IF NOT EXISTS v_days AS
SELECT
    *,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    toDayOfWeek(day) AS weekday,
    ms / 60000 AS minutes
FROM listener_days FINAL
WHERE plays > 0 AND listener IN (SELECT listener FROM listeners FINAL WHERE erased_at IS NULL)
COMMENT 'The calendar: one row a listener and local day with counted plays, from the daily rollup, seconds behind the plays'
