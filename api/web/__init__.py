"""The page: templates, styles, scripts."""
