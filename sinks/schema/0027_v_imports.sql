CREATE VIEW IF NOT EXISTS v_imports AS
SELECT
    *,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    lower(leftPad(hex(import_id), 16, '0')) AS import_hex
FROM imports FINAL
COMMENT 'Imports, each once'
