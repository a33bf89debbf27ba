"""The owner's way in: the password's hash, and the key that signs sessions."""

from __future__ import annotations

import secrets

from api.passwords import hash_password, verify_password
from deploy.folder import write_private
from deploy.settings import Settings, read_secret


def session_key(settings: Settings) -> bytes:
    """The key of session cookies, made once in the data folder, so that a restart signs nobody out."""
    path = settings.data / "secrets" / "session"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return bytes.fromhex(path.read_text("ascii").strip())


def password(settings: Settings) -> tuple[str, str]:
    """(hash, the password itself when it was made just now, else "").

    From `owner_password_file`, else made once and shown this one time. Its hash is kept: sessions
    are bound to it, and a new one at each start would end them. On loopback there is none to ask for.
    """
    path = settings.data / "secrets" / "owner"
    kept = path.read_text("ascii").strip() if path.exists() else ""
    if settings.owner_password_file is not None:
        given = read_secret(settings.owner_password_file)
        if not verify_password(given, kept):
            kept = hash_password(given)
            write_private(path, kept)
        return kept, ""
    if kept:
        return kept, ""
    if not settings.sign_in:
        return "", ""
    made = secrets.token_urlsafe(12)
    hashed = hash_password(made)
    write_private(path, hashed)
    return hashed, made
