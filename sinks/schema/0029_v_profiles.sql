CREATE VIEW IF NOT EXISTS v_profiles AS
SELECT
    *,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex
FROM profiles FINAL
ORDER BY computed_at DESC
LIMIT 1 BY listener, window
COMMENT 'The newest profile of each listener and window'
