ALTER TABLE plays ADD INDEX IF NOT EXISTS by_stored_at stored_at TYPE minmax GRANULARITY 1
