"""A zip that is sent while it is made: nothing of it stands on a disk, and no more than a piece in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from sinks.packs import Sent

LEVEL = 3  # of deflate: level 6 takes three times as long for a tenth less


class SentZip:
    """Open members one after the other, and send what `taken` gives in between; `close` at the end.

    One that was not closed has no directory: whoever receives it sees that it is torn.
    """

    def __init__(self, moment: tuple[int, int, int, int, int, int]) -> None:
        self._sent = Sent()  # it cannot seek: so sizes stand behind each member and in the directory
        self._zip = ZipFile(self._sent, "w", allowZip64=True)
        self._moment = moment

    @contextmanager
    def member(self, name: str, *, packed: bool = True) -> Iterator[IO[bytes]]:
        """A member to write to; readable by its owner only when unpacked."""
        about = ZipInfo(name, self._moment)
        about.compress_type = ZIP_DEFLATED if packed else ZIP_STORED
        about._compresslevel = LEVEL  # type: ignore[attr-defined]  # zipfile has no other way for a stream
        about.external_attr = 0o600 << 16
        with self._zip.open(about, "w", force_zip64=True) as member:
            yield member

    def taken(self) -> Iterator[bytes]:
        """The next piece, if there is one."""
        if piece := self._sent.take():
            yield piece

    def close(self) -> Iterator[bytes]:
        """Write the directory; the last piece."""
        self._zip.close()
        yield from self.taken()
