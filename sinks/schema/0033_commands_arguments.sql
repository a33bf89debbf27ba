ALTER TABLE commands
    ADD COLUMN IF NOT EXISTS arguments String COMMENT 'JSON object of texts, or empty' AFTER kind,
    COMMENT COLUMN kind 'restamp, erase, undo-import, hide, unhide, merge or unmerge',
    COMMENT COLUMN state 'asked, working or done',
    COMMENT COLUMN detail 'how far it is, then what came of it'
