CREATE VIEW IF NOT EXISTS v_commands AS
SELECT
    *,
    lower(leftPad(hex(listener), 16, '0')) AS listener_hex,
    lower(leftPad(hex(command_id), 16, '0')) AS command_hex
FROM commands FINAL
COMMENT 'Work for the one writer of each listener, and how far it is'
