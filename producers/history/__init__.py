"""A listener's own export files."""
