CREATE TABLE IF NOT EXISTS listeners
(
    listener        UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    version         UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    name            String COMMENT 'as people type it; unique among those not erased',
    account_id      String COMMENT 'Spotify account, or empty',
    is_demo         Bool COMMENT 'a simulated listener',
    created_at      DateTime64(3, 'UTC') COMMENT 'UTC',
    zones           Array(Tuple(starts DateTime64(3, 'UTC'), zone String)) COMMENT 'time zone history: IANA names, ascending, the first from 1970',
    hemisphere      LowCardinality(String) COMMENT 'north, south, or empty: from the zone''s coordinates',
    min_ms_played   UInt32 COMMENT 'a play counts when ms_played is unknown or at least this',
    count_incognito Bool COMMENT 'count plays of private sessions',
    finished_only   Bool COMMENT 'count only plays not known as unfinished',
    profile_sources LowCardinality(String) COMMENT 'all, or export: from what a profile may be computed',
    erased_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'cut-off: what was first published until then is refused'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY listener
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Whose plays these are, and how they count; an erased listener stays as a tombstone'
