CREATE TABLE IF NOT EXISTS connections
(
    listener      UInt64 COMMENT 'internal id of the listener; 16 hexadecimal digits outside',
    version       UInt64 COMMENT 'microseconds since 1970 when this row was written; the highest wins',
    client_id     String COMMENT 'of the Spotify app',
    client_secret String COMMENT 'encrypted; empty where the flow is PKCE',
    refresh_token String COMMENT 'encrypted; empty while not granted',
    account_id    String COMMENT 'Spotify account',
    scope         String COMMENT 'granted scopes',
    granted_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'UTC; the token dies six months later',
    state         LowCardinality(String) COMMENT 'pending, connected or reconnect',
    detail        String COMMENT 'what a person reads',
    removed       Bool COMMENT 'true: disconnected'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY listener
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Connections to Spotify. Secrets are Fernet tokens; no reader may see this table'
