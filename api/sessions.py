"""Signed session cookies: who signed in, and until when. Nothing is kept on the server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time

from streams.contracts import ids

COOKIE = "spotifire_session"


class Sessions:
    """Makes and checks the cookie's value, `listener.until.nonce.signature` (listener 0: the owner).

    The key is bound to the password's hash, so a new password ends every session.
    """

    def __init__(self, key: bytes, password_hash: str, seconds: int) -> None:
        key = key or secrets.token_bytes(32)
        self._key = hmac.digest(key, b"spotifire session " + password_hash.encode(), hashlib.sha256)
        self._seconds = seconds

    def issue(self, listener: int = 0) -> str:
        """A cookie value that holds for the configured time."""
        until = int(time.time()) + self._seconds
        body = f"{ids.to_hex(listener)}.{until}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._sign(body)}"

    def check(self, value: str) -> int | None:
        """The listener of a cookie (0 for the owner), or None if it is false or too old."""
        body, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        listener, until, _ = body.split(".")
        return ids.from_hex(listener) if int(until) > time.time() else None

    def _sign(self, body: str) -> str:
        digest = hmac.digest(self._key, body.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
