"""A zip that a stranger may have made: what is checked before and while it is read.

The directory of a zip says everything that can go wrong beforehand
(how many members, how large, encrypted, links), but Python reads it whole, so its size is looked
up first. While reading, zipfile never gives more than the directory promised, and checks the sum.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from producers.history.values import clean
from streams.contracts.errors import UserError

_END = struct.Struct("<4s4H2LH")  # end of central directory
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_SIZE = 20
_MAX_COMMENT = 65_535

BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")  # of a zip, and of one without members
BROKEN = (BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ValueError, RuntimeError)
AGAIN = "Download it again from Spotify's mail; what is stored already is not added twice."
UNPACK = "If you trust it, unpack it and import the folder."


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an export may be at most. Real ones: 50 members, 2 GB, packed to a twentieth."""

    members: int = 10_000
    """Members of a zip, or files below a folder."""
    directory_bytes: int = 4 << 20
    """A zip's directory, which Python holds in memory."""
    total_bytes: int = 64 << 30
    """All members of a zip together, unpacked."""
    ratio: int = 250
    """Unpacked to packed size, of a member and of the whole zip."""
    unrated_bytes: int = 1 << 20
    """Up to this unpacked size nobody asks for the ratio."""
    zips: int = 100
    """Zips inside a zip; what they hold counts as the outer one's."""

    def without(self, members: list[ZipInfo]) -> Limits:
        """What is left for a zip inside, once these members are counted."""
        size = sum(member.file_size for member in members)
        return replace(self, members=self.members - len(members), total_bytes=self.total_bytes - size)


def open_zip(path: Path, limits: Limits) -> ZipFile:
    """The zip, with every member checked. Raises UserError naming the zip and the member."""
    shown = clean(path.name)
    with _readable(shown):
        with path.open("rb") as file:
            _check_directory(file, shown, limits)
        return _checked(ZipFile(path), shown, path.stat().st_size, limits)


def open_inner(file: IO[bytes], label: str, packed: int, limits: Limits) -> ZipFile:
    """The zip that was a member of another one, where it had `packed` bytes; checked like that one, also its ratio.

    Closing it leaves the file open.
    """
    shown = clean(label)
    with _readable(shown):
        _check_directory(file, shown, limits)
        return _checked(ZipFile(file), shown, packed, limits)


@contextmanager
def _readable(shown: str) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise UserError(f"{shown} is damaged or incomplete ({type(error).__name__}).", cure=AGAIN) from None
    except OSError as error:
        raise UserError(f"{shown} cannot be read: {error.strerror}.", cure="Check its permissions.") from None


def _checked(archive: ZipFile, shown: str, packed: int, limits: Limits) -> ZipFile:
    try:
        _check_members(archive.infolist(), shown, packed, limits)
    except BaseException:
        archive.close()
        raise
    return archive


def damaged(label: str, error: Exception) -> UserError:
    """What is said when a member breaks while it is read."""
    return UserError(f"{label} is damaged or incomplete ({type(error).__name__}).", cure=AGAIN)


def _check_directory(file: IO[bytes], shown: str, limits: Limits) -> None:
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - _MAX_COMMENT - _LOCATOR_SIZE - _END_64.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise BadZipFile
    directory = _END.unpack_from(tail, at)[5]
    locator = at - _LOCATOR_SIZE
    if locator >= 0 and tail.startswith(b"PK\x06\x07", locator):
        record = locator - _END_64.size
        if record < 0 or not tail.startswith(b"PK\x06\x06", record):
            raise BadZipFile
        directory = max(_END_64.unpack_from(tail, record)[8], directory if directory != 0xFFFF_FFFF else 0)
    if directory > limits.directory_bytes:
        raise _too_many(shown, limits)


def _check_members(members: list[ZipInfo], shown: str, packed: int, limits: Limits) -> None:
    if len(members) > limits.members:
        raise _too_many(shown, limits)
    total = 0
    for member in members:
        name = clean(member.filename)
        if _leads_outside(member.filename):
            raise UserError(f"{shown} holds a name that leads outside of it: {name}.", cure=UNPACK)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UserError(f"{shown} holds a symbolic link: {name}.", cure=UNPACK)
        if member.flag_bits & 0x1:
            raise UserError(f"{shown} is encrypted: {name}.", cure="Unpack it with its password and import the folder.")
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise UserError(
                f"{shown} packs {name} in a way that is not read here ({member.compress_type}).", cure=UNPACK
            )
        total += member.file_size
        if _is_bomb(member.file_size, member.compress_size, limits):
            raise UserError(
                f"{shown} is refused: {name} would unpack to {member.file_size:,} bytes, over "
                f"{limits.ratio} times its packed size.",
                cure=UNPACK,
            )
    if total > limits.total_bytes or _is_bomb(total, packed, limits):
        raise UserError(
            f"{shown} is refused: it would unpack to {total:,} bytes.",
            cure=UNPACK,
        )


def _is_bomb(unpacked: int, packed: int, limits: Limits) -> bool:
    return unpacked > limits.unrated_bytes and unpacked > limits.ratio * packed


def _leads_outside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":")


def _too_many(shown: str, limits: Limits) -> UserError:
    return UserError(
        f"{shown} holds more than {limits.members:,} members, which no export does.",
        cure="Name the zip that Spotify sent.",
    )
