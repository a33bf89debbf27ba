ALTER TABLE imports
    ADD COLUMN IF NOT EXISTS left_out Array(Tuple(file String, why String)) COMMENT 'files that held no plays, and why they were not read' AFTER files
