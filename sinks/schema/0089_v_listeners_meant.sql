ALTER TABLE v_listeners
    COMMENT COLUMN listener 'internal id of the listener; 16 hexadecimal digits outside',
    COMMENT COLUMN listener_hex 'the listener''s id as 16 hexadecimal digits',
    COMMENT COLUMN name 'as people type it; unique among those not erased',
    COMMENT COLUMN is_demo 'a simulated listener',
    COMMENT COLUMN created_at 'UTC',
    COMMENT COLUMN zones 'time zone history: IANA names, ascending, the first from 1970',
    COMMENT COLUMN hemisphere 'north, south, or empty: from the zone''s coordinates',
    COMMENT COLUMN min_ms_played 'a play counts when ms_played is unknown or at least this',
    COMMENT COLUMN count_incognito 'count plays of private sessions',
    COMMENT COLUMN finished_only 'count only plays not known as unfinished',
    COMMENT COLUMN profile_sources 'all, or export: from what a profile may be computed'
