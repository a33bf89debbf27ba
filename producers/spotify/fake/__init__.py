"""A strict imitation of the Spotify Web API, for tests and for trying without an account."""
