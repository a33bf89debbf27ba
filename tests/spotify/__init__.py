"""The Spotify collectors against the strict fake, over real HTTP and on the real store."""
