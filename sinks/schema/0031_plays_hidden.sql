ALTER TABLE plays
    ADD COLUMN IF NOT EXISTS hidden Bool COMMENT 'the listener hid it: it counts nowhere' AFTER subgenre,
    ADD COLUMN IF NOT EXISTS counts_as String COMMENT 'the track that it counts as, where recordings were merged; else empty' AFTER hidden,
    COMMENT COLUMN ms_played_is_estimate 'always false: ms_played is null where no source knew it'
