CREATE VIEW IF NOT EXISTS v_corrections AS
SELECT
    *,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex
FROM corrections FINAL
COMMENT 'What listeners hid, merged and undid'
