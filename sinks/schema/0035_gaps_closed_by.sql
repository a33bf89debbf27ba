ALTER TABLE gaps
    ADD COLUMN IF NOT EXISTS closed_by UInt64 COMMENT 'the import that covered it; 0 while open' AFTER closed_at
