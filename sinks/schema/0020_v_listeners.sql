CREATE VIEW IF NOT EXISTS v_listeners AS
SELECT
    listener,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    name,
    is_demo,
    created_at,
    zones,
    hemisphere,
    min_ms_played,
    count_incognito,
    finished_only,
    profile_sources
FROM listeners FINAL
WHERE erased_at IS NULL
COMMENT 'Listeners that are not erased; holds no secret'
