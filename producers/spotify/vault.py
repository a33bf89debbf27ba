"""Secrets at rest: Fernet tokens under a key that lies outside the database."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from streams.contracts.errors import UserError


class Vault:
    """Encrypts and decrypts short texts. `key` is a Fernet key: 32 bytes as URL-safe base64."""

    def __init__(self, key: bytes) -> None:
        try:
            self._fernet = Fernet(key)
        except ValueError as error:
            raise UserError(
                "The key for stored tokens is not a Fernet key (44 characters of URL-safe base64).",
                cure="Restore the key file from your backup, or remove it and connect Spotify again.",
            ) from error

    def lock(self, secret: str) -> str:
        """Encrypt; "" stays ""."""
        return self._fernet.encrypt(secret.encode()).decode("ascii") if secret else ""

    def unlock(self, locked: str) -> str:
        """Decrypt; "" stays "". Raises UserError when it was locked with another key."""
        if not locked:
            return ""
        try:
            return self._fernet.decrypt(locked.encode()).decode()
        except InvalidToken as error:
            raise UserError(
                "The key for stored tokens does not open them: they were stored under another key.",
                cure="Restore that key file from your backup, or connect Spotify again.",
            ) from error


def read_or_make_key(path: Path) -> bytes:
    """The key in `path`, made (mode 0600) when the file is missing.

    Any number of processes may call it at once: the key appears whole or not at all, and all
    get the same one. Raises UserError when others on this machine may read the file.
    """
    if not path.exists():
        _make_key(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise UserError(f"The key file {path} can be read by others (mode {mode:04o}).", cure=f"Run: chmod 600 {path}")
    return path.read_bytes().strip()


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails where another process was first, and never shows half a key
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
