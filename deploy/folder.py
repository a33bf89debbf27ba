"""The data folder: one owner at a time, its keys, and where a running stack can be reached.

data/
  lock           held while a process serves this folder
  running.json   address, process id and broker of the stack that holds it
  token          what the command signs in to that stack with (mode 0600)
  uploads/       exports while they are imported
  secrets/key    Fernet key of the stored tokens (mode 0600); not part of the database
  secrets/owner  scrypt hash of the owner's password
  clickhouse/    the embedded engine
  kafka/         Apache Kafka's jars and log, with --kafka apache
  logs/          rotated, compressed
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from streams.contracts.errors import UserError

LEAST_FREE = 256 * 2**20  # bytes: a merge in the embedded engine needs room to write a part anew


class Running(NamedTuple):
    """Where the stack that holds a folder can be reached."""

    url: str
    pid: int
    token: str


def new_token() -> str:
    """A fresh token for the command to sign in with."""
    return secrets.token_urlsafe(32)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@contextmanager
def hold(data: Path) -> Iterator[None]:
    """Hold the folder for this process. Raises UserError when it can't be: each with its cure."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = data / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"The data folder {data} cannot be written ({error.strerror}).",
            cure="Give yourself permission, or choose another with --data DIR.",
        ) from error
    free = shutil.disk_usage(data).free
    if free < LEAST_FREE:
        raise UserError(
            f"The disk of {data} is full ({free // 2**20} MB free, {LEAST_FREE // 2**20} MB needed).",
            cure="Free some, or choose another with --data DIR.",
        )
    lock = FileLock(data / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        running = find(data)
        where = f" at {running.url} (process {running.pid})" if running else ""
        raise UserError(
            f"The data folder {data} is held by a running Spotifire{where}.",
            cure="Use that one, stop it, or choose another folder with --data DIR.",
        ) from error
    except OSError as error:
        raise UserError(
            f"The lock of the data folder {data} cannot be taken ({error.strerror}).",
            cure=f"Give yourself permission for {data / 'lock'}, or choose another folder with --data DIR.",
        ) from error
    try:
        # what a killed process left: an address where nobody answers any more, and people's exports
        (data / "running.json").unlink(missing_ok=True)
        shutil.rmtree(data / "uploads", ignore_errors=True)
        yield
    finally:
        lock.release()


@contextmanager
def announce(data: Path, url: str, token: str, *, kafka: str) -> Iterator[None]:
    """Tell others where the stack on this folder is, and its broker, for as long as it runs."""
    write_private(data / "token", token)
    write_private(data / "running.json", json.dumps({"url": url, "pid": os.getpid(), "kafka": kafka}))
    try:
        yield
    finally:
        (data / "running.json").unlink(missing_ok=True)
        (data / "token").unlink(missing_ok=True)


def find(data: Path) -> Running | None:
    """The stack that runs on this folder, or None. A file that a killed process left does not count."""
    try:
        found = json.loads((data / "running.json").read_text("utf-8"))
        running = Running(found["url"], int(found["pid"]), (data / "token").read_text("utf-8").strip())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    probe = FileLock(data / "lock")
    try:
        probe.acquire(timeout=0)
    except Timeout:
        return running
    except OSError:
        return None
    probe.release()
    return None
