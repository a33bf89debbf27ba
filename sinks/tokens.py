"""API tokens. Only their SHA-256 is stored: 256 random bits need no slow hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sinks.clickhouse import ClickHouse
from sinks.times import next_version, now_ms, to_time
from streams.contracts.errors import UserError
from streams.contracts.ids import from_hex, new_id, to_hex

PREFIX = "spotifire_"  # so that secret scanners and people know what it is


@dataclass(frozen=True)
class TokenRow:
    """A token without its secret. The owner's reads everything, and its `listener` is ""; `created_at` is UTC."""

    token_id: str
    name: str
    role: Literal["owner", "listener"]
    listener: str
    created_at: datetime


class Tokens:
    """The table `api_tokens`, which no reader's role can see."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def add(self, name: str, role: Literal["owner", "listener"], listener: int | None = None) -> tuple[TokenRow, str]:
        """Make a token; its text is returned this once and never again."""
        if (role == "listener") != (listener is not None):
            raise UserError("A listener's token needs a listener, an owner's has none.", cure="Say whose the token is.")
        plain = PREFIX + secrets.token_urlsafe(32)
        created = to_time(now_ms())
        token_id = new_id()
        self._ch.insert(
            "api_tokens",
            ("hash", "version", "token_id", "name", "role", "listener", "created_at", "revoked"),
            [(_hash(plain), next_version(), token_id, name, role, listener or 0, created, False)],
        )
        return TokenRow(to_hex(token_id), name, role, to_hex(listener) if listener else "", created), plain

    def find(self, plain: str) -> TokenRow | None:
        """Whose token this text is, or None where it is unknown or revoked."""
        found = self._read("hash = {hash:String}", {"hash": _hash(plain)})
        return found[0] if found else None

    def all(self) -> list[TokenRow]:
        """Tokens in force, oldest first."""
        return self._read("1", {})

    def revoke(self, token_id: str) -> TokenRow:
        """Refuse it from now on; which it was. Raises UserError where there is none of that id."""
        found = self._read("token_id = {id:UInt64}", {"id": from_hex(token_id)})
        if not found:
            raise UserError(f"There is no token {token_id}.", cure="See `spotifire tokens list`.")
        self._ch.command(
            "INSERT INTO api_tokens SELECT * REPLACE (greatest({version:UInt64}, version + 1) AS version, "
            "true AS revoked) FROM api_tokens FINAL WHERE token_id = {id:UInt64}",
            {"id": from_hex(token_id), "version": next_version()},
        )
        return found[0]

    def _read(self, where: str, params: dict[str, object]) -> list[TokenRow]:
        rows = self._ch.query(
            "SELECT token_id, name, role, listener, created_at FROM api_tokens FINAL "
            f"WHERE NOT revoked AND {where} ORDER BY created_at, token_id",
            params,
        )
        return [TokenRow(to_hex(r[0]), r[1], r[2], to_hex(r[3]) if r[3] else "", r[4]) for r in rows]


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
