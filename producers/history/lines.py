"""A byte stream with one JSON object a line (JSON Lines) -> its rows, in batches, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from producers.history.elements import BLOCK, LIMIT, Found, Reads
from producers.history.rows import Unread


class Lines:
    """Reads the rows of one file. An empty line is nothing; one that is no object is an unreadable row.

    `read(n)` gives at most n bytes, and b"" at the end. Memory: a block, or a line of at most
    `limit` bytes; a longer one is skipped and counts as a row that is too long. The last line may end
    with the file.
    """

    def __init__(self, read: Callable[[int], bytes], name: str, limit: int = LIMIT, *, of: Reads) -> None:
        self._read = read
        self._name = name
        self._limit = limit
        self._of = of

    def __iter__(self) -> Iterator[list[Found]]:
        rest, skipping = b"", False
        while block := self._read(BLOCK):
            whole, end, rest = (rest + block).rpartition(b"\n")
            found: list[Found] = []
            if end:
                lines = whole.split(b"\n")
                if skipping:  # the end of a line that was too long
                    lines, skipping = lines[1:], False
                found += self._rows(lines)
            if len(rest) > self._limit:
                if not skipping:
                    found.append(Unread.TOO_LONG)
                rest, skipping = b"", True
            if found:
                yield found
        if rest.strip() and not skipping and (found := self._rows([rest])):
            yield found

    def _rows(self, lines: list[bytes]) -> list[Found]:
        told = [line for line in (each.strip(b" \t\r\xef\xbb\xbf") for each in lines) if line]
        many = self._of.many(b"[%b]" % b",".join(told))
        if many is not None and len(many) == len(told):
            return list(many)
        return [self._of.one(line) if len(line) <= self._limit else Unread.TOO_LONG for line in told]
