"""What the Spotify parts must be told. deploy fills it from its settings; nothing here reads the environment."""

from __future__ import annotations

from msgspec import Struct

ACCOUNTS = "https://accounts.spotify.com"
API = "https://api.spotify.com/v1"

NEEDED = ("user-read-recently-played", "user-read-currently-playing")  # without these nothing is collected
SCOPES = (*NEEDED, "user-library-read", "user-follow-read", "user-top-read")  # what a listener is asked for


class SpotifySettings(Struct, frozen=True, kw_only=True):
    """One Spotify app, and where Spotify is. Without a secret the flow is PKCE."""

    client_id: str
    redirect_uri: str  # exactly as registered in the developer dashboard; see auth.check_redirect
    client_secret: str = ""
    accounts_url: str = ACCOUNTS
    api_url: str = API
    timeout_s: float = 5.0  # of one call; also how long a stop may have to wait for one
    proxy: str = ""  # http(s)://HOST:PORT through which Spotify is reached

    def __repr__(self) -> str:
        return f"SpotifySettings(client_id={self.client_id!r}, redirect_uri={self.redirect_uri!r})"
