"""HTTP as the Spotify parts use it: a plain session whose answers become typed errors.

spotipy mounts a retry adapter on a session of its own making, and that adapter sleeps out a
whole Retry-After (up to a day) and then loses it. So it is given a plain session, and a
response hook judges each answer before spotipy sees it: status, reason and Retry-After are
read in one place, and bodies that spotipy stumbles over (HTML behind a 502, `"error": "text"`)
cannot reach it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from producers.spotify.errors import Forbidden, QuotaExceeded, TokenRefused, UnexpectedAnswer
from streams.contracts.errors import SourceUnavailable, SpotifireError

THROTTLED_S = 30.0  # the length of Spotify's rolling window, where a 429 names no time
QUOTA_S = 3_600.0  # where a QUOTA_EXCEEDED names no time
LONGEST_S = 7 * 86_400.0  # the longest Retry-After that is believed; a day is the longest seen

Judge = Callable[[requests.Response], None]


def quiet_spotipy() -> None:
    """Silence spotipy's loggers: at DEBUG they write access tokens and client secrets."""
    logging.getLogger("spotipy").setLevel(logging.CRITICAL)


@contextmanager
def plain_session(judge: Judge, proxy: str = "") -> Iterator[requests.Session]:
    """A session without retries that hands every answer to `judge` first.

    Raises SourceUnavailable for anything that goes wrong on the network, and what `judge`
    raises. The environment is not read: a netrc entry would replace our Authorization header.
    """

    def hook(response: requests.Response, *_: Any, **__: Any) -> None:
        judge(response)

    with requests.Session() as session:
        session.trust_env = False
        session.hooks["response"].append(hook)
        if proxy:
            session.proxies = {"http": proxy, "https": proxy}
        try:
            yield session
        except requests.RequestException as error:
            raise SourceUnavailable(f"Spotify cannot be reached ({type(error).__name__}).") from error


def judge_api(response: requests.Response) -> None:
    """Raise the typed error of a Web API answer that is not a success.

    Raises SourceUnavailable (5xx, plain 429, a success that is not JSON), QuotaExceeded,
    TokenRefused (401), Forbidden (403) or UnexpectedAnswer (other 4xx).
    """
    status = response.status_code
    body = _json_object(response)
    if status < 300:
        if body is None and response.content:
            raise SourceUnavailable("Spotify answered with something that is not a JSON object.")
        return
    if status < 400:
        return  # a redirect: the answer behind it is judged too
    error = (body or {}).get("error")
    details = error if isinstance(error, dict) else {"message": error}
    raise _api_error(status, str(details.get("message") or ""), str(details.get("reason") or ""), retry_after(response))


def judge_accounts(response: requests.Response) -> None:
    """Raise SourceUnavailable for 429, 5xx and garbage; other answers are spotipy's to read."""
    status = response.status_code
    if status == 429 or status >= 500:
        raise SourceUnavailable(f"Spotify's sign-in service answered {status}.", retry_after=retry_after(response))
    if not 300 <= status < 400 and _json_object(response) is None:
        raise SourceUnavailable("Spotify's sign-in service answered with something that is not JSON.")


def retry_after(response: requests.Response) -> float | None:
    """Seconds of the Retry-After header, at most a week; None where it is missing or odd."""
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(seconds, LONGEST_S) if seconds >= 0 else None  # not for NaN either


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _api_error(status: int, message: str, reason: str, wait: float | None) -> SpotifireError:
    said = f": {message[:200]}" if message else ""
    if status == 401:
        return TokenRefused(f"Spotify refused the access token{said}.")
    if status == 403:
        return Forbidden(f"Spotify refused this (403){said}.", cure=_cure_of_403(message))
    if status == 429 and reason == "QUOTA_EXCEEDED":
        seconds = QUOTA_S if wait is None else wait
        return QuotaExceeded(
            f"The Spotify app's quota is used up for {seconds:.0f} s.",
            retry_after=seconds,
            cure="Nothing to do: it goes on by itself afterwards.",
        )
    if status == 429:
        return SourceUnavailable(
            "Spotify asks us to slow down (429).", retry_after=THROTTLED_S if wait is None else wait
        )
    if status >= 500:
        return SourceUnavailable(f"Spotify answered {status}{said}.", retry_after=wait)
    return UnexpectedAnswer(f"Spotify answered {status}{said}.")


def _cure_of_403(message: str) -> str:
    folded = message.casefold()
    if "registered" in folded:
        return "Add this person under User Management of your app in Spotify's developer dashboard."
    if "premium" in folded:
        return "The owner of the Spotify app needs a Premium subscription."
    if "scope" in folded:
        return "Connect this listener again and grant what is asked."
    return "Check the app and its users in Spotify's developer dashboard."
