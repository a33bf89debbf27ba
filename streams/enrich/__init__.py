"""Pure functions over columns: what a play gains on its way (local time, artist, genre)."""
