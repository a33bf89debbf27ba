"""Who is calling. Three ways in, tried in this order:

1. `Authorization: Bearer`: the owner's token from the token file, or an API token, which opens one listener,
   or reads everything and changes nothing.
2. The session cookie of someone who signed in.
3. Over loopback, where nothing asks for a password: the owner.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Literal

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from api.services import ApiSettings, is_loopback
from api.sessions import COOKIE, Sessions
from sinks.tokens import Tokens
from streams.contracts import ids

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


@dataclass(frozen=True)
class Caller:
    """Someone who may ask. `listener` is 0 for the owner, who sees everyone; who `only_reads` changes nothing."""

    role: Literal["owner", "listener"]
    listener: int = 0
    way: Literal["token", "session", "loopback"] = "loopback"
    only_reads: bool = False

    @property
    def is_owner(self) -> bool:
        """Whether the caller sees every listener and the administration."""
        return self.role == "owner"


class Authenticator:
    """Turns the headers of a request into a Caller, or None."""

    def __init__(self, settings: ApiSettings, sessions: Sessions, tokens: Tokens | None) -> None:
        self._settings, self._sessions, self._tokens = settings, sessions, tokens

    async def caller(self, request: HTTPConnection) -> Caller | None:
        """A wrong token is nobody, also where nothing at all would be the owner.

        A wrong cookie counts as none: browsers send those of other ports and earlier passwords, too.
        """
        header = request.headers.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            return await self._by_token(token.strip()) if scheme.lower() == "bearer" else None
        cookie = request.cookies.get(COOKIE)
        if cookie:
            listener = self._sessions.check(cookie)
            if listener is not None:
                return Caller("listener" if listener else "owner", listener, "session")
        return Caller("owner") if self._is_local(request) else None

    async def _by_token(self, token: str) -> Caller | None:
        owners = self._settings.token
        if owners and hmac.compare_digest(token.encode(), owners.encode()):
            return Caller("owner", way="token")
        if not token or self._tokens is None:
            return None
        found = await run_in_threadpool(self._tokens.find, token)
        if found is None:
            return None
        if found.role == "owner":
            return Caller("owner", way="token", only_reads=True)
        return Caller("listener", ids.from_hex(found.listener), "token") if found.listener else None

    def _is_local(self, request: HTTPConnection) -> bool:
        """A proxy in front would make the whole world local, so its headers end the trust."""
        if not self._settings.open_to_owner or any(name in request.headers for name in FORWARDED):
            return False
        return request.client is None or is_loopback(request.client.host)
