"""Where the export lies: zips, folders, single files -> the history files in them, ready to be read.

A file is recognised by how it begins, not by its name: an export holds much else (account
details, playlists, a PDF), and people rename files. What is left out is told, with the reason.
No symbolic link below a folder is followed, and nothing is unpacked to disk but a zip inside a zip,
which can only be read from a file: it lies in one without a name, beside the outer zip. It is counted
with that one; a third zip inside the second is refused.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self
from zipfile import ZipFile, ZipInfo

from msgspec import Struct

from producers.history import zips
from producers.history.shapes import EXTENDED, Shape, first_moment, recognise
from producers.history.values import clean
from producers.history.zips import Limits
from streams.contracts.errors import UserError

HEAD = 64 * 1024  # bytes that a file is recognised by
BLOCK = 1 << 20  # bytes at a time of a zip inside a zip

ASK = "Ask for the Extended streaming history at spotify.com/account/privacy; it comes by mail."

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Read = Callable[[int], bytes]


class Ignored(Struct, frozen=True):
    """A file that was left out, and why."""

    label: str
    why: str


class HistoryFile:
    """One file of plays. `size` is in bytes as the file has them, unpacked."""

    def __init__(self, label: str, size: int, first: int, open_raw: Callable[[], IO[bytes]]) -> None:
        self.shape: Shape = EXTENDED
        self.label = label
        self.size = size
        self.first = first  # end of its first row, Unix milliseconds UTC; 0 where unreadable
        self.position = 0  # bytes read so far
        self._open_raw = open_raw

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """A `read(n)` over its bytes as UTF-8. Raises UserError where file or zip are damaged."""
        self.position = 0
        try:
            raw = self._open_raw()
        except (*zips.BROKEN, OSError) as error:
            raise zips.damaged(self.label, error) from None
        with raw:
            yield self._reader(raw)

    def _reader(self, raw: IO[bytes]) -> Read:
        def read(count: int) -> bytes:
            try:
                found = raw.read(count)
            except (*zips.BROKEN, OSError) as error:
                raise zips.damaged(self.label, error) from None
            self.position += len(found)
            return found

        first = read(len(_UTF16[0]))
        if first not in _UTF16:
            return _after(first, read)
        # half a character becomes bytes that are no UTF-8: the row that it stands in is refused
        decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
        decoder.decode(first)

        def transcoded(count: int) -> bytes:
            while found := read(count):
                if text := decoder.decode(found):
                    return text.encode("utf-8", "surrogatepass")
            left, _ = decoder.getstate()
            decoder.reset()
            return b"\xff" if left else b""

        return transcoded


class Exports:
    """A context manager over `paths`: `files` by the time of their first row, and what was `ignored`.

    Raises UserError for a path that is not there or cannot be read, a zip that is refused (see
    zips.py), and when nothing to import is found.
    """

    def __init__(self, paths: Sequence[Path], limits: Limits | None = None) -> None:
        self.files: list[HistoryFile] = []
        self.ignored: list[Ignored] = []
        self._limits = limits or Limits()
        self._labels: set[str] = set()
        self._open = ExitStack()
        try:
            for path in paths:
                self._add(path)
            if not self.files:
                raise self._nothing(paths)
        except BaseException:
            self._open.close()
            raise
        self.files.sort(key=lambda file: file.first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

    @property
    def size(self) -> int:
        """Bytes of all files together, unpacked."""
        return sum(file.size for file in self.files)

    def _add(self, path: Path) -> None:
        try:
            if path.is_dir():
                self._add_folder(path)
            elif not path.exists():
                raise UserError(f"{path} is not there.", cure="Check the path.")
            elif not path.is_file():
                raise UserError(f"{path} is no file.", cure="Name a zip, a folder or a JSON file.")
            elif _begins_as_zip(path):
                self._add_zip(path)
            elif path.suffix.lower() == ".zip":
                raise UserError(f"{path.name} is not a zip, though it is called one.", cure=zips.AGAIN)
            else:
                self._add_file(path, path.name)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.", cure="Check its permissions.") from None

    def _add_folder(self, folder: Path) -> None:
        count = 0
        for parent, below, names in os.walk(folder):
            below.sort()
            for name in sorted(names):
                path = Path(parent, name)
                label = path.relative_to(folder).as_posix()
                count += 1
                if count > self._limits.members:
                    raise UserError(
                        f"{folder} holds more than {self._limits.members:,} files.",
                        cure="Name the folder of the export itself.",
                    )
                if path.is_symlink() or not path.is_file():
                    self._ignore(label, "a symbolic link, or no file")
                elif _begins_as_zip(path):
                    self._add_zip(path)
                else:
                    self._add_file(path, label)

    def _add_file(self, path: Path, label: str) -> None:
        def open_raw() -> IO[bytes]:
            return path.open("rb")

        file = HistoryFile(clean(label), path.stat().st_size, 0, open_raw)
        self._recognise(file, _head(file), container="")

    def _add_zip(self, path: Path) -> None:
        archive = self._open.enter_context(zips.open_zip(path, self._limits))
        left, inner = self._limits.without(archive.infolist()), 0
        for member in _members(archive):
            file, head = _member(archive, member)
            if not head.startswith(zips.BEGINNINGS):
                self._recognise(file, head, path.name)
                continue
            inner += 1
            if inner > left.zips:
                raise UserError(f"{clean(path.name)} holds more than {left.zips} zips.", cure=zips.UNPACK)
            left = self._add_inner(file, member.compress_size, left, path.parent)

    def _add_inner(self, zipped: HistoryFile, packed: int, limits: Limits, beside: Path) -> Limits:
        """A zip inside a zip; what its members leave of the limits."""
        spooled = self._open.enter_context(_nameless(beside))
        with zipped.reading() as read:
            while block := read(BLOCK):
                spooled.write(block)
        archive = self._open.enter_context(zips.open_inner(spooled, zipped.label, packed, limits))
        for member in _members(archive):
            file, head = _member(archive, member)
            if head.startswith(zips.BEGINNINGS):
                raise UserError(f"{zipped.label} holds yet another zip: {file.label}.", cure=zips.UNPACK)
            self._recognise(file, head, zipped.label)
        return limits.without(archive.infolist())

    def _recognise(self, file: HistoryFile, head: bytes, container: str) -> None:
        shape = recognise(head)
        if isinstance(shape, str):
            self._ignore(file.label, shape)
        else:
            file.shape = shape
            self._accept(file, first_moment(shape, head), container)

    def _accept(self, file: HistoryFile, first: int, container: str) -> None:
        label, again = file.label, 1
        while label in self._labels:  # an origin names one row only
            again += 1
            label = f"{clean(container)}/{file.label}" if again == 2 and container else f"{file.label} ({again})"
        self._labels.add(label)
        file.label, file.first = label, first
        self.files.append(file)

    def _ignore(self, label: str, why: str) -> None:
        self.ignored.append(Ignored(clean(label), why))

    def _nothing(self, paths: Sequence[Path]) -> UserError:
        shown = ", ".join(path.name for path in paths[:3]) or "nothing"
        return UserError(f"There is no streaming history in {shown}.", cure=ASK)


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in zips.BEGINNINGS


def _members(archive: ZipFile) -> list[ZipInfo]:
    return [member for member in archive.infolist() if not member.is_dir()]


def _member(archive: ZipFile, member: ZipInfo) -> tuple[HistoryFile, bytes]:
    """A member of a zip, and how it begins."""
    file = HistoryFile(clean(member.filename), member.file_size, 0, lambda: archive.open(member))
    return file, _head(file)


def _head(file: HistoryFile) -> bytes:
    with file.reading() as read:
        return read(HEAD)


def _nameless(folder: Path) -> IO[bytes]:
    """A file that goes with the process; in the system's temporary folder where that one cannot be written."""
    if os.access(folder, os.W_OK):
        return TemporaryFile(dir=folder)
    return TemporaryFile()


def _after(first: bytes, read: Read) -> Read:
    held = [first]

    def joined(count: int) -> bytes:
        return held.pop() + read(count) if held else read(count)

    return joined
