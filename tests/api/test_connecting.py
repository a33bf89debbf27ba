"""Attempts to connect that overlap: what was begun and left does not seem to wait for ever."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from api.connecting import Connecting
from producers.spotify.auth import Connected, Connector


class Agreeing:
    """A connector whose person always agrees."""

    def begin(self, listener: int) -> str:
        return f"https://accounts.example/authorize?state={id(self)}"

    def callback(self, state: str, code: str, error: str) -> Connected:
        return Connected(listener=1, account_id="a", account_name="Ada")


def state_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


def test_an_attempt_that_was_left_waits_no_more_once_another_succeeded() -> None:
    made: list[Any] = []

    def connector(client_id: str, client_secret: str) -> Connector:
        made.append(Agreeing())
        return cast(Connector, made[-1])

    connecting = Connecting(connector)
    connecting.begin(1, "id", "")
    again = connecting.begin(1, "id", "")
    other = connecting.begin(2, "id", "")
    assert connecting.waiting(1) == (True, "")
    connecting.finish(state_of(again), "code", "")
    assert connecting.waiting(1) == (False, "")
    assert connecting.waiting(2) == (True, ""), "somebody else's attempt goes on"
    assert state_of(other)
