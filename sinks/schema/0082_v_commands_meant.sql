ALTER TABLE v_commands
    COMMENT COLUMN listener 'internal id of the listener; 16 hexadecimal digits outside',
    COMMENT COLUMN command_id 'random id',
    COMMENT COLUMN version 'microseconds since 1970 when this row was written; the highest wins',
    COMMENT COLUMN kind 'restamp, erase, undo-import, hide, unhide, merge or unmerge',
    COMMENT COLUMN arguments 'JSON object of texts, or empty',
    COMMENT COLUMN asked_at 'UTC',
    COMMENT COLUMN state 'asked, working or done',
    COMMENT COLUMN detail 'how far it is, then what came of it',
    COMMENT COLUMN listener_hex 'the listener''s id as 16 hexadecimal digits',
    COMMENT COLUMN command_hex 'the command''s id as 16 hexadecimal digits'
