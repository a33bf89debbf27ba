"""The owner's password: scrypt, and a brake on guessing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

N, R, P = 1 << 15, 8, 1  # 32 MiB and about 0.1 s a try
MEMORY = 64 << 20


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=MEMORY, dklen=32)


def hash_password(password: str) -> str:
    """`scrypt$n$r$p$salt$hash`, to be kept in place of the password."""
    salt = secrets.token_bytes(16)
    parts = (base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt, N, R, P)))
    return "$".join(("scrypt", str(N), str(R), str(P), *parts))


def verify_password(password: str, hashed: str) -> bool:
    """Whether the password is the one that was hashed. False where the hash is none of ours."""
    try:
        kind, n, r, p, salt, wanted = hashed.split("$")
        if kind != "scrypt":
            return False
        got = _scrypt(password, base64.b64decode(salt), int(n), int(r), int(p))
        return hmac.compare_digest(got, base64.b64decode(wanted))
    except ValueError:
        return False


class Brake:
    """At most `tries` failures within `seconds` by address, and ten times that by everyone.

    Held in memory and bounded: a restart forgives, and a crowd of addresses pushes out the oldest.
    Behind a proxy all share its address: guessing then keeps the owner from signing in for a
    while, but ends no session.
    """

    def __init__(
        self, tries: int = 5, seconds: float = 300, size: int = 4096, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tries, self._seconds, self._size, self._clock = tries, seconds, size, clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 means now."""
        return max(self._wait(address, self._tries), self._wait("*", self._tries * 10))

    def failed(self, address: str) -> None:
        """Note a failure of this address."""
        for key in (address, "*"):
            recent = self._recent(key)
            self._failures[key] = [*recent, self._clock()]
            self._failures.move_to_end(key)
        while len(self._failures) > self._size:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the failures of this address, and the one that everybody's last was noted as."""
        self._failures.pop(address, None)
        self._failures["*"] = self._recent("*")[:-1]

    def _recent(self, key: str) -> list[float]:
        since = self._clock() - self._seconds
        return [at for at in self._failures.get(key, ()) if at > since]

    def _wait(self, key: str, tries: int) -> float:
        recent = self._recent(key)
        return recent[-tries] + self._seconds - self._clock() if len(recent) >= tries else 0.0
