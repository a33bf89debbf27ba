ALTER TABLE artists MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild'
