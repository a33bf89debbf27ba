CREATE OR REPLACE VIEW v_imports AS
SELECT
    *,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    lower(leftPad(hex(import_id), 16, '0')) AS import_hex
FROM imports FINAL
COMMENT 'Imports, each once'
