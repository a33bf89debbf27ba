CREATE OR REPLACE VIEW v_judged_plays AS
SELECT
    p.*,
    NOT p.hidden
        AND (p.ms_played IS NULL OR p.ms_played >= l.min_ms_played)
        AND (l.count_incognito OR NOT ifNull(p.incognito, false))
        AND (NOT l.finished_only OR p.reason_end = 'trackdone' OR (p.reason_end = '' AND NOT ifNull(p.skipped, false)))
        AS counted
FROM v_all_plays AS p
INNER JOIN
(
    SELECT listener, min_ms_played, count_incognito, finished_only
    FROM listeners FINAL
    WHERE erased_at IS NULL
) AS l ON p.listener = l.listener
COMMENT 'Live plays, also hidden ones, and whether each counts by its listener''s own settings'
