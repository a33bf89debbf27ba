"""The three calls of the authorization-code flow, through spotipy's own classes.

spotipy's managers are used for one call each and then dropped: they would read the environment,
cache tokens in a file, ask on standard input and lose the granted scope if they were kept.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from msgspec import Struct
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.exceptions import SpotifyOauthError
from spotipy.oauth2 import SpotifyOAuth, SpotifyPKCE

from producers.spotify.errors import ReconnectNeeded, UnexpectedAnswer
from producers.spotify.session import judge_accounts, plain_session, quiet_spotipy
from producers.spotify.settings import SCOPES, SpotifySettings
from streams.contracts.errors import SourceUnavailable, SpotifireError, UserError

_NOWHERE = "http://127.0.0.1:9/"


class Grant(Struct, frozen=True):
    """What Spotify granted. `refresh_token` is "" when the old one stays; `scope` is what was granted."""

    access_token: str
    expires_in: int  # seconds
    refresh_token: str = ""
    scope: str = ""

    def __repr__(self) -> str:
        return f"Grant(expires_in={self.expires_in}, scope={self.scope!r})"


def check_redirect(uri: str) -> None:
    """Raise UserError unless Spotify accepts this redirect address: https, or http on a loopback address."""
    cure = "Use http://127.0.0.1:PORT/... or an https address, the same as in Spotify's dashboard."
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"The redirect address {uri!r} is not an address.", cure=cure) from error
    if parts.fragment or parts.username or not host:
        raise UserError(f"The redirect address {uri!r} is not one that Spotify accepts.", cure=cure)
    if parts.scheme == "https":
        return
    if parts.scheme != "http" or host not in ("127.0.0.1", "::1") or port is None:
        raise UserError(f"Spotify refuses the redirect address {uri!r}.", cure=cure)


def authorize_url(settings: SpotifySettings, state: str) -> tuple[str, str]:
    """Where the person grants access, and the PKCE verifier to keep ("" in the flow with a secret)."""
    with plain_session(judge_accounts) as session:
        manager = _manager(settings, session)
        url = str(manager.get_authorize_url(state=state))
        return url, str(getattr(manager, "code_verifier", "") or "")


def exchange(settings: SpotifySettings, code: str, verifier: str) -> Grant:
    """Code -> tokens. Raises SourceUnavailable, UserError (code or client refused), UnexpectedAnswer."""

    def call(manager: Any) -> None:
        if verifier:
            manager.code_verifier = verifier
            manager.code_challenge = "sent with the authorize address"  # else spotipy makes a new pair
            manager.get_access_token(code, check_cache=False)
        else:
            manager.get_access_token(code, as_dict=False, check_cache=False)

    try:
        return _ask(settings, call)
    except ReconnectNeeded as error:
        raise UserError(
            "Spotify refuses the code of this connection: it is used, too old, or not ours.",
            cure="Start the connection again.",
        ) from error


def refresh(settings: SpotifySettings, refresh_token: str) -> Grant:
    """Refresh token -> access token. Raises SourceUnavailable, ReconnectNeeded, UserError, UnexpectedAnswer."""
    return _ask(settings, lambda manager: manager.refresh_access_token(refresh_token))


def _manager(settings: SpotifySettings, session: requests.Session) -> Any:
    common: dict[str, Any] = {
        "client_id": settings.client_id,
        # a collector that runs alone only refreshes: spotipy wants an address even then, and does not send it
        "redirect_uri": settings.redirect_uri or _NOWHERE,
        "scope": " ".join(SCOPES),
        "cache_handler": MemoryCacheHandler(),
        "requests_session": session,
        "requests_timeout": settings.timeout_s,
        "open_browser": False,
    }
    if settings.client_secret:
        manager = SpotifyOAuth(client_secret=settings.client_secret, show_dialog=True, **common)
    else:
        manager = SpotifyPKCE(**common)
    manager.OAUTH_AUTHORIZE_URL = f"{settings.accounts_url}/authorize"
    manager.OAUTH_TOKEN_URL = f"{settings.accounts_url}/api/token"
    return manager


def _ask(settings: SpotifySettings, call: Any) -> Grant:
    granted: list[Grant] = []

    def judge(response: requests.Response) -> None:
        judge_accounts(response)
        if response.status_code == 200:
            try:  # here, since SpotifyOAuth replaces the granted scope by the one that was asked for
                granted.append(msgspec.convert(response.json(), Grant))
            except msgspec.ValidationError as error:
                raise SourceUnavailable(f"Spotify's sign-in service answered without a token ({error}).") from error

    quiet_spotipy()
    with plain_session(judge, settings.proxy) as session:
        try:
            call(_manager(settings, session))
        except SpotifyOauthError as error:
            raise _refusal(str(error.error or "")) from None  # its text may repeat what we sent
    if not granted:
        raise UnexpectedAnswer("Spotify's sign-in service answered without a token.")
    return granted[-1]


def _refusal(error: str) -> SpotifireError:
    if error == "invalid_grant":
        return ReconnectNeeded(
            "Spotify no longer accepts this connection.", cure="Connect this listener to Spotify again."
        )
    if error in ("invalid_client", "unauthorized_client"):
        return UserError(
            f"Spotify does not accept the app's client id or secret ({error}).",
            cure="Compare both with your app in Spotify's developer dashboard.",
        )
    return UnexpectedAnswer(f"Spotify's sign-in service refused: {error[:100] or 'no reason given'}.")
