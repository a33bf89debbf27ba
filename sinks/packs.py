"""Many files in one, as a zip or a zstd-packed tar: written as a stream, and read as a stranger's.

Members of a zip are stored, not packed: what we put in is Parquet, which is packed inside. So no zip
of ours can unfold, and one that would is refused. A tar may unfold to UNFOLDS times its size at most.
"""

from __future__ import annotations

import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Literal, NamedTuple

import pyarrow as pa

from streams.contracts.errors import UserError

Kind = Literal["zip", "tar.zst"]

BLOCK = 1 << 20  # bytes
MOST_MEMBERS = 1_000
UNFOLDS = 64
ZSTD = b"\x28\xb5\x2f\xfd"
ZIP = b"PK\x03\x04"

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, pa.ArrowException, EOFError, OSError, ValueError, RuntimeError)


class Member(NamedTuple):
    """One file of a pack."""

    name: str
    size: int  # bytes
    file: IO[bytes]


def kind_of(name: str) -> Kind:
    """What a file of that name is to be. Raises UserError."""
    if name.endswith(".zip"):
        return "zip"
    if name.endswith((".tar.zst", ".tzst")):
        return "tar.zst"
    raise UserError(f"{name} is neither a .zip nor a .tar.zst.", cure="Choose one of the two endings.")


class Sent:
    """A file that is only written to, and taken from in between. It cannot seek."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> int:
        """Keep it until it is taken."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """What was written stays to be taken."""
        self.closed = True

    def take(self) -> bytes:
        """What was written since."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def packed(kind: Kind, files: Sequence[tuple[str, Path]]) -> Iterator[bytes]:
    """The pack of these files, each under its name, piece by piece."""
    sent = Sent()
    if kind == "zip":
        yield from _zipped(sent, files)
        return
    zstd = pa.CompressedOutputStream(pa.PythonFile(sent, "w"), "zstd")
    with tarfile.open(fileobj=zstd, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, path in files:
            about = tarfile.TarInfo(name)
            about.size, about.mode, about.mtime = path.stat().st_size, 0o600, int(path.stat().st_mtime)
            with path.open("rb") as file:
                tar.fileobj.write(about.tobuf(tar.format, tar.encoding, tar.errors))
                while block := file.read(BLOCK):
                    tar.fileobj.write(block)
                    if piece := sent.take():
                        yield piece
                tar.fileobj.write(b"\0" * (-about.size % tarfile.BLOCKSIZE))
    zstd.close()
    yield sent.take()


def _zipped(sent: Sent, files: Sequence[tuple[str, Path]]) -> Iterator[bytes]:
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as zipped:
        for name, path in files:
            about = zipfile.ZipInfo.from_file(path, name)
            about.external_attr = 0o600 << 16
            with path.open("rb") as file, zipped.open(about, "w", force_zip64=True) as member:
                while block := file.read(BLOCK):
                    member.write(block)
                    if piece := sent.take():
                        yield piece
    yield sent.take()


def members(path: Path, allowed: re.Pattern[str]) -> Iterator[Member]:
    """Every file of a pack, in its order; read each before the next.

    Raises UserError for what is damaged, and for what no pack of ours holds: names other than `allowed`
    (whole), a name twice, links, and members that unfold.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
        read = {ZIP: _of_zip, ZSTD: _of_tar}.get(head)
        if read is None:
            raise UserError(f"{path.name} is no backup: neither a zip nor a packed tar.", cure="Take another file.")
        seen: set[str] = set()
        for member in read(path):
            if not allowed.fullmatch(member.name) or member.name in seen or len(seen) >= MOST_MEMBERS:
                raise UserError(
                    f"{path.name} is refused: it holds {_shown(member.name)}, which no backup does.",
                    cure="Take a file that `spotifire backup` wrote.",
                )
            seen.add(member.name)
            yield member
    except UserError:
        raise
    except _DAMAGED as error:
        raise UserError(
            f"{path.name} is damaged or cannot be read ({type(error).__name__}).", cure="Take another copy of it."
        ) from error


def _of_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as zipped:
        for about in zipped.infolist():
            linked = stat.S_ISLNK(about.external_attr >> 16)
            if linked or about.compress_type != zipfile.ZIP_STORED or about.flag_bits & 1:
                raise _foreign(path, about.filename)
            with zipped.open(about) as file:
                yield Member(about.filename, about.file_size, file)


def _of_tar(path: Path) -> Iterator[Member]:
    most, total = UNFOLDS * path.stat().st_size, 0
    plain = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    with plain, tarfile.open(fileobj=plain, mode="r|") as tar:
        for about in tar:
            total += about.size
            if not about.isreg() or total > most:
                raise _foreign(path, about.name)
            file = tar.extractfile(about)
            if file is not None:
                yield Member(about.name, about.size, file)


def _foreign(path: Path, name: str) -> UserError:
    return UserError(
        f"{path.name} is refused: {_shown(name)} is a link, or would unfold.",
        cure="Take a file that `spotifire backup` wrote.",
    )


def _shown(name: str) -> str:
    return repr("".join(char if char.isprintable() else "?" for char in name[:80]))
