ALTER TABLE v_artists
    COMMENT COLUMN artist_id 'Spotify artist id',
    COMMENT COLUMN source 'who described it',
    COMMENT COLUMN version 'microseconds since 1970 when this row was written; the highest wins',
    COMMENT COLUMN name 'as given',
    COMMENT COLUMN folded_name 'as names are compared: NFKC, case folded, white space collapsed',
    COMMENT COLUMN genres 'raw, as given',
    COMMENT COLUMN genre 'family decided from the raw genres, or unknown',
    COMMENT COLUMN subgenre 'the raw genre that decided, or empty',
    COMMENT COLUMN popularity '0 to 100, where given',
    COMMENT COLUMN followers 'where given'
