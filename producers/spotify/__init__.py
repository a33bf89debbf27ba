"""Collectors for the Spotify Web API."""
