ALTER TABLE v_playback
    COMMENT COLUMN listener 'internal id of the listener; 16 hexadecimal digits outside',
    COMMENT COLUMN observed_at 'UTC',
    COMMENT COLUMN is_playing 'false: nothing plays',
    COMMENT COLUMN uri 'Spotify URI, or empty',
    COMMENT COLUMN title 'as given',
    COMMENT COLUMN artist_names 'as given',
    COMMENT COLUMN album 'as given',
    COMMENT COLUMN image_url 'cover, or empty',
    COMMENT COLUMN progress_ms 'where the player stands',
    COMMENT COLUMN duration_ms 'length of the track'
