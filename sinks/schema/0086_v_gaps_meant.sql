ALTER TABLE v_gaps
    COMMENT COLUMN listener 'internal id of the listener; 16 hexadecimal digits outside',
    COMMENT COLUMN source 'the source that has the gap',
    COMMENT COLUMN gap_start 'UTC',
    COMMENT COLUMN gap_end 'UTC',
    COMMENT COLUMN version 'microseconds since 1970 when this row was written; the highest wins',
    COMMENT COLUMN closed_at 'when an import covered it, UTC; null while open',
    COMMENT COLUMN closed_by 'the import that covered it; 0 while open'
