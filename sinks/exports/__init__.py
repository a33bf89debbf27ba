"""Everything of one listener, out of the database and back."""
