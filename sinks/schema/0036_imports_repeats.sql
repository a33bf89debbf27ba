ALTER TABLE imports
    ADD COLUMN IF NOT EXISTS repeats UInt64 COMMENT 'rows that say what an earlier row of its files said' AFTER plays_before,
    COMMENT COLUMN state 'running, done, failed or undone'
