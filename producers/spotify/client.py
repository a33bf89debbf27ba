"""The Spotify Web API as the collector uses it: one call = one typed result or one typed error.

Never sleeps, never retries but once after a 401 (with a fresh token), and asks nothing while a
client id is blocked: whoever calls decides when to come again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import spotipy

from producers.spotify import answers, listed
from producers.spotify.answers import Account, NowPlaying, RecentlyPlayed
from producers.spotify.errors import QuotaExceeded, TokenRefused
from producers.spotify.listed import ListPage
from producers.spotify.pacing import EVERYTHING, WINDOW_S, Blocks, Family
from producers.spotify.session import judge_api, plain_session, quiet_spotipy
from producers.spotify.settings import SpotifySettings
from producers.spotify.tokens import Tokens
from streams.contracts.errors import SourceUnavailable
from streams.contracts.ports import Shelf

PAGE = 50  # the most that a page gives; of recently-played, all that exist

_T = TypeVar("_T")


class SpotifyClient:
    """Calls for connected listeners. Methods block for at most `timeout_s` and are safe for threads.

    All raise SourceUnavailable (network, 5xx, 429: see its `retry_after`), QuotaExceeded,
    Forbidden, ReconnectNeeded, UnexpectedAnswer, StoreUnavailable or UserError.
    """

    def __init__(self, settings: SpotifySettings, tokens: Tokens, blocks: Blocks) -> None:
        self._settings = settings
        self._tokens = tokens
        self._blocks = blocks

    def recently_played(self, listener: int) -> RecentlyPlayed:
        """The last 50 plays. Without `after`: it costs the same, and shows late arrivals and gaps."""
        return self._call(
            listener,
            "player",
            lambda api: answers.read_recently_played(api.current_user_recently_played(limit=PAGE), PAGE),
        )

    def now_playing(self, listener: int) -> NowPlaying:
        """What plays at this moment, episodes included."""
        return self._call(
            listener,
            "player",
            lambda api: answers.read_now_playing(api.currently_playing(additional_types="track,episode")),
        )

    def library_page(self, listener: int, shelf: Shelf, offset: int, after: str) -> ListPage:
        """The page behind `offset` items; of followed artists, behind the artist `after` ("" is the first)."""

        def ask(api: Any) -> ListPage:
            if shelf.kind == "followed-artist":
                return listed.read_followed_artists(api.current_user_followed_artists(limit=PAGE, after=after or None))
            if shelf.kind == "saved-track":
                return listed.read_saved_tracks(api.current_user_saved_tracks(limit=PAGE, offset=offset))
            span = f"{shelf.time_range}_term"
            if shelf.kind == "top-track":
                return listed.read_top_tracks(api.current_user_top_tracks(PAGE, offset, span), offset)
            return listed.read_top_artists(api.current_user_top_artists(PAGE, offset, span), offset)

        return self._call(listener, "library", ask)

    def blocked_until(self, listener: int, family: Family = "player") -> int | None:
        """Until when this listener's plays (or another family) cannot be asked for (Unix ms UTC), or None."""
        return self._blocks.until(self._tokens.client_id(listener), family)

    def _call(self, listener: int, family: Family, ask: Callable[[Any], _T]) -> _T:
        client_id = self._tokens.client_id(listener)
        self._blocks.check(client_id, family)
        access = self._tokens.access(listener)
        try:
            try:
                return _ask(self._settings, access.token, ask)
            except TokenRefused:
                access = self._tokens.access(listener, refused=access.token)
                return _ask(self._settings, access.token, ask)
        except TokenRefused as error:
            raise SourceUnavailable("Spotify refuses a token that it has just given.") from error
        except QuotaExceeded as error:
            self._blocks.block(client_id, family, error.retry_after)
            raise
        except SourceUnavailable as error:
            if error.retry_after is not None:
                of_library = family == "library" and error.retry_after > WINDOW_S
                self._blocks.block(client_id, family if of_library else EVERYTHING, error.retry_after)
            raise


def account_of(settings: SpotifySettings, access_token: str) -> Account:
    """Whose access token this is. Raises as SpotifyClient does, and TokenRefused."""
    return _ask(settings, access_token, lambda api: answers.read_account(api.current_user()))


def _ask(settings: SpotifySettings, token: str, ask: Callable[[Any], _T]) -> _T:
    quiet_spotipy()
    with plain_session(judge_api, settings.proxy) as session:
        api = spotipy.Spotify(auth=token, requests_session=session, requests_timeout=settings.timeout_s)
        api.prefix = settings.api_url.rstrip("/") + "/"
        return ask(api)
