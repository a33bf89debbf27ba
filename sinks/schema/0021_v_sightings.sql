CREATE VIEW IF NOT EXISTS v_sightings AS
SELECT * FROM sightings FINAL
COMMENT 'Live sightings, each once'
