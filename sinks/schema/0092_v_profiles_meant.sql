ALTER TABLE v_profiles
    COMMENT COLUMN listener 'internal id of the listener; 16 hexadecimal digits outside',
    COMMENT COLUMN window '90d, 2025, 2025-summer, 2025-03, all',
    COMMENT COLUMN computed_at 'UTC',
    COMMENT COLUMN plays 'counted plays in the window',
    COMMENT COLUMN model_id 'of table models; empty when there was none',
    COMMENT COLUMN persona 'its name; empty when there were too few plays',
    COMMENT COLUMN confidence '0 to 1',
    COMMENT COLUMN reasons 'sentences that a person reads',
    COMMENT COLUMN features 'as the model saw them',
    COMMENT COLUMN listener_hex 'the listener''s id as 16 hexadecimal digits'
