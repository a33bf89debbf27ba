ALTER TABLE v_corrections
    COMMENT COLUMN listener 'internal id of the listener; 16 hexadecimal digits outside',
    COMMENT COLUMN kind 'play, artist or track: hidden; merge: counts as target; undo: an import that was undone',
    COMMENT COLUMN subject 'play id, artist id or folded name, URI, or import id',
    COMMENT COLUMN version 'microseconds since 1970 when this row was written; the highest wins',
    COMMENT COLUMN is_deleted '1 takes the correction back',
    COMMENT COLUMN target 'URI of the track that the subject counts as; else empty',
    COMMENT COLUMN ids 'of a hidden play: every id that it can have, by its sightings',
    COMMENT COLUMN keys 'of a track: its URIs, and folded artist and title; of an artist: ids and folded names',
    COMMENT COLUMN label 'what a person reads',
    COMMENT COLUMN made_at 'UTC',
    COMMENT COLUMN listener_hex 'the listener''s id as 16 hexadecimal digits'
