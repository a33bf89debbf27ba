"""What a fake remembers when it is stopped or killed, so that whoever resumes meets the same world."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from producers.spotify.fake.people import Given


class Remembered(Struct, frozen=True, kw_only=True):
    """When the listening began, how far it is (both Unix ms UTC), and the refresh tokens that live."""

    seed: int
    begin: int
    music: int
    refresh: dict[str, Given]


def remember(path: Path, remembered: Remembered) -> None:
    """Write the file whole or not at all, readable by its owner only: it holds the fake's tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(remembered))
    draft.replace(path)


def recall(path: Path | None, seed: int) -> Remembered | None:
    """What was remembered of that seed's world, or None: missing, unreadable, or another world."""
    if path is None:
        return None
    try:
        remembered = msgspec.json.decode(path.read_bytes(), type=Remembered)
    except (OSError, msgspec.DecodeError):
        return None
    return remembered if remembered.seed == seed else None
