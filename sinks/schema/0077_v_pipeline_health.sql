CREATE VIEW IF NOT EXISTS v_pipeline_health
(
    name String COMMENT 'what is told',
    value Float64 COMMENT 'how much',
    unit String COMMENT 'of the value'
)
AS
SELECT 'last_play_stored_seconds' AS name, toFloat64(dateDiff('second', max(stored_at), now64(3, 'UTC'))) AS value, 's' AS unit
FROM plays
WHERE stored_at > now64(3, 'UTC') - toIntervalDay(7)
HAVING count() > 0
UNION ALL
SELECT 'dead_letters_unresolved', toFloat64(countIf(resolved_at IS NULL)), 'records' FROM v_dead_letters
UNION ALL
SELECT 'dead_letters_last_day', toFloat64(countIf(refused_at > now64(3, 'UTC') - toIntervalDay(1))), 'records' FROM v_dead_letters
UNION ALL
SELECT 'commands_open', toFloat64(countIf(state != 'done')), 'commands' FROM v_commands
UNION ALL
SELECT 'imports_running', toFloat64(countIf(state = 'running')), 'imports' FROM v_imports
UNION ALL
SELECT 'gaps_open', toFloat64(countIf(closed_at IS NULL)), 'gaps' FROM v_gaps
UNION ALL
SELECT 'listeners', toFloat64(count()), 'listeners' FROM v_listeners
UNION ALL
SELECT 'listeners_without_rollup', toFloat64(count()), 'listeners'
FROM v_listeners WHERE listener NOT IN (SELECT listener FROM rollup_marks)
COMMENT 'How the pipeline is: one figure a row'
