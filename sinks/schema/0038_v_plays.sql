CREATE OR REPLACE VIEW v_plays AS
SELECT * FROM v_all_plays WHERE NOT hidden
COMMENT 'Live plays that are not hidden, each once, with keys to group artists and tracks by'
