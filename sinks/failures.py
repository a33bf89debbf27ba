"""What an error of ClickHouse means for us: wait (StoreUnavailable), mend (UserError), or a bug.

Codes are those of ClickHouse's ErrorCodes.cpp; the embedded engine gives the same ones, and
code 36 with a text when it cannot open its folder. Anything not named here comes out as it was.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from streams.contracts.errors import SpotifireError, StoreUnavailable, UserError

# network, time-outs, memory, too many parts or queries, keeper away, cancelled by a shutdown
WAIT = frozenset(
    {
        95,
        96,
        159,
        160,
        173,
        198,
        202,
        203,
        209,
        210,
        225,
        236,
        241,
        242,
        252,
        279,
        285,
        286,
        319,
        394,
        439,
        473,
    }
    | {692, 745, 999}
)
FULL = 243  # NOT_ENOUGH_SPACE
UNKNOWN_TABLE, UNKNOWN_DATABASE = 60, 81
NOT_ALLOWED = frozenset({192, 193, 194, 497, 516})  # user, password, grants
PROXY = re.compile(r"HTTP status (429|5\d\d)")  # from something in between: no code of ClickHouse
OPENING = "Unable to open the chdb engine"


@contextmanager
def translated(where: str, folder: Path | None) -> Iterator[None]:
    """Turn errors of clickhouse-connect into ours. `where` names the place in the message."""
    try:
        yield
    except ClickHouseError as error:
        ours = translate(error, where, folder)
        if ours is None:
            raise
        raise ours from error


def translate(error: ClickHouseError, where: str, folder: Path | None) -> SpotifireError | None:
    """Our error for one of ClickHouse's, or None where it is a fault of ours."""
    text, code = str(error), getattr(error, "code", None)
    if folder is not None and text.startswith(OPENING):
        return _cannot_open(text, folder)
    if code == FULL or "No space left on device" in text or "errno: 28" in text:
        return UserError(f"The disk under {where} is full.", cure="Free some space, then start again.")
    if code in WAIT or (code is None and (isinstance(error, OperationalError) or PROXY.search(text))):
        return StoreUnavailable(f"ClickHouse at {where} cannot work now: {_first_line(text)}")
    if code in {UNKNOWN_TABLE, UNKNOWN_DATABASE}:
        return UserError(
            f"ClickHouse at {where} lacks a table or database: {_first_line(text)}",
            cure="Run `spotifire migrate`.",
        )
    if code in NOT_ALLOWED:
        return UserError(
            f"ClickHouse at {where} refuses this user: {_first_line(text)}",
            cure="Check user, password and grants.",
        )
    return None


def _cannot_open(text: str, folder: Path) -> UserError:
    """Why the embedded engine does not open its folder."""
    if "already initialized with path" in text:
        return UserError(
            f"The data folder {folder} cannot be opened: this process already holds another one.",
            cure="Use one data folder for each process.",
        )
    if (holder := _holder(folder)) is not None:
        return UserError(
            f"The data folder {folder} is held by another process{holder}.",
            cure="Stop that one first, or use another --data folder.",
        )
    if "No space left" in text or "errno: 28" in text:
        return UserError(f"The disk under {folder} is full.", cure="Free some space, then start again.")
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return UserError(
            f"The data folder {folder} cannot be written.",
            cure=f"Check the permissions of {existing}, or use another --data folder.",
        )
    return UserError(
        f"The data folder {folder} cannot be opened: {_first_line(text)}",
        cure="Check that it lies on a local, writable disk.",
    )


def _holder(folder: Path) -> str | None:
    """ " (process 123)" while another process holds the engine's lock on the folder, else None."""
    status = folder / "status"
    try:
        with status.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                first = file.readline().decode("ascii", "replace").split()
                return f" (process {first[1]})" if len(first) > 1 and first[1].isdigit() else ""
    except OSError:
        return None
    return None


def _first_line(text: str) -> str:
    """The first line, at most 300 characters: the rest is the engine's stack and settings."""
    return text.strip().split("\n", 1)[0][:300]
