CREATE OR REPLACE VIEW v_counted_plays AS
SELECT * FROM v_judged_plays WHERE counted
COMMENT 'Live plays that count by their listener''s own settings'
