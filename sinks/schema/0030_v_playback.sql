CREATE VIEW IF NOT EXISTS v_playback AS
SELECT * FROM playback FINAL
COMMENT 'What plays at this moment, by listener'
