CREATE OR REPLACE VIEW v_dead_letters AS
SELECT
    d.*,
    lower(leftPad(hex(d.dead_letter_id), 16, '0')) AS dead_letter_hex,
    r.replayed_at AS replayed_at,
    r.resolved_at AS resolved_at
FROM (SELECT * FROM dead_letters FINAL) AS d
LEFT JOIN
(
    SELECT dead_letter_id, toNullable(replayed_at) AS replayed_at, resolved_at
    FROM replays FINAL
) AS r ON d.dead_letter_id = r.dead_letter_id
COMMENT 'Refused records, each once, and whether they were published again and stored then'
