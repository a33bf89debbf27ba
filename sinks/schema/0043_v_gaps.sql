CREATE OR REPLACE VIEW v_gaps AS
SELECT * FROM gaps FINAL
COMMENT 'Intervals in which plays may be missing, open and closed'
