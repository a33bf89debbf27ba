CREATE VIEW IF NOT EXISTS v_dead_letters AS
SELECT
    *,
    lower(leftPad(hex(dead_letter_id), 16, '0')) AS dead_letter_hex
FROM dead_letters FINAL
COMMENT 'Refused records, each once'
