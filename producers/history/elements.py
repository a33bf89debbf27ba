"""A byte stream that holds one JSON array -> its rows, in batches, in flat memory.

The usual JSON decoders want the whole text, and a streaming one that makes an event per token
is ten times slower than the worker behind it. So the stream is cut into blocks at a `},` and a
block is decoded whole, as an array of its own. This is sound: if the text up to a comma, closed
by `]`, is a valid array, then that comma separates two elements. Where it is not valid (the cut
fell inside a text, or a row is broken), the block is gone through token by token, which finds
the elements of any JSON and tells which of them are broken.

Memory: one block, or one element of at most `limit` bytes; a longer one is skipped byte by byte
and counts as a row that is too long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from producers.history.rows import EXTENDED, Unread
from streams.contracts.errors import UserError

BLOCK = 512 * 1024  # bytes: about 700 rows, decoded in 2 ms
LIMIT = 1024 * 1024  # bytes of one element; a real one has 1,000

_SPACE = b" \t\r\n"
_SPACES = re.compile(rb"[ \t\r\n]*")
_BOM = b"\xef\xbb\xbf"
_OUTSIDE = re.compile(rb'["\[\]{},]')
_INSIDE = re.compile(rb'["\\\n]')  # a text cannot hold a line's end, so one missing quote spoils one row only
_TRIES = 4  # cuts to try before a block is gone through token by token

Found = Any  # a row of the shape that is read, why it is none (Unread), or None where it is no JSON object


class Reads(Protocol):
    """What makes rows of bytes (producers/history/rows.py)."""

    def many(self, array: bytes) -> list[Any] | None:
        """A whole JSON array -> its rows, or None where it is not valid, or holds something else."""

    def one(self, element: bytes) -> Any:
        """One element of an array; why it cannot be read, or None where it is no JSON object."""


class Elements:
    """Reads the rows of one file. `read(n)` gives at most n bytes, and b"" at the end.

    The array is the whole text, or stands in an object, behind what `inside` matches; what follows it
    there is not looked at. `consumed` is how many bytes have become rows. Iterating raises UserError
    where the text is not one JSON array: it starts otherwise, ends early, or goes on behind its
    closing bracket.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        name: str,
        limit: int = LIMIT,
        *,
        of: Reads = EXTENDED,
        inside: re.Pattern[bytes] | None = None,
    ) -> None:
        self.consumed = 0
        self._of = of
        self._inside = inside
        self._read = read
        self._name = name
        self._limit = limit
        self._buffer = b""
        self._at = 0  # what lies before it in the buffer is consumed
        self._ended = False
        self._rows = 0

    def __iter__(self) -> Iterator[list[Found]]:
        self._open()
        while True:
            self._fill()
            rows, closed = self._whole_block(), False
            if rows is None:
                rows, closed = self._walk()
            if rows:
                self._rows += len(rows)
                yield rows
            if closed:
                self._close()
                return

    def _more(self) -> bool:
        chunk = self._read(BLOCK)
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        self._ended = not chunk
        return bool(chunk)

    def _fill(self) -> None:
        while len(self._buffer) - self._at < BLOCK and not self._ended:
            self._more()

    def _consume(self, until: int) -> None:
        self.consumed += until - self._at
        self._at = until

    def _open(self) -> None:
        self._fill()
        if self._buffer.startswith(_BOM):
            self._consume(len(_BOM))
        if self._inside is not None and (opening := self._inside.search(self._buffer, self._at)):
            self._consume(opening.end())
            return
        bracket = _SPACES.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # always matches
        if self._buffer[bracket : bracket + 1] != b"[":
            raise UserError(
                f"{self._name} is not a list of plays: it does not start with a bracket.",
                cure="Take the file as Spotify sent it.",
            )
        self._consume(bracket + 1)

    def _close(self) -> None:
        """Behind the closing bracket nothing but white space may follow."""
        while True:
            if self._inside is None and self._buffer[self._at :].strip(_SPACE):
                raise UserError(
                    f"{self._name} goes on behind the end of its list, at byte {self.consumed}.",
                    cure="Take the file as Spotify sent it: this one was edited or joined.",
                )
            self._consume(len(self._buffer))
            if self._ended or not self._more():
                return

    def _whole_block(self) -> list[Found] | None:
        """Everything up to the last `},` that can be decoded in one go; None when nothing can."""
        end = len(self._buffer)
        for _ in range(_TRIES):
            end = self._buffer.rfind(b"},", self._at, end)
            if end < 0:
                return None
            rows = self._of.many(b"[%b]" % self._buffer[self._at : end + 1])
            if rows is not None:
                self._consume(end + 2)
                return list(rows)
        return None

    def _walk(self) -> tuple[list[Found], bool]:
        """Token by token through one block's bytes: the rows, and whether the list was closed."""
        rows: list[Found] = []
        stop = self.consumed + len(self._buffer) - self._at
        while True:
            element, closed = self._element()
            if element is None or element.strip(_SPACE):
                rows.append(Unread.TOO_LONG if element is None else self._of.one(element))
            elif not closed:
                rows.append(None)  # nothing between two commas
            if closed or self.consumed >= stop:
                return rows, closed

    def _element(self) -> tuple[bytes | None, bool]:
        """The next element (None when over the limit) and whether the list's end follows it."""
        at, depth = self._at, 0
        inside = too_long = False
        while True:
            token = (_INSIDE if inside else _OUTSIDE).search(self._buffer, at)
            if token is None or (token.group() == b"\\" and token.end() == len(self._buffer)):
                # a backslash at the very end waits for the byte that it escapes
                at = len(self._buffer) if token is None else token.start()
                if at - self._at > self._limit:
                    too_long = True
                    self._consume(at)
                at -= self._at  # reading on moves what is not consumed to the front
                if self._ended or not self._more():
                    raise self._cut_short()
                continue
            at = token.end()
            sign = token.group()
            if inside:
                if sign == b"\\":
                    at += 1
                else:
                    inside = False
            elif sign == b'"':
                inside = True
            elif sign in b"[{":
                depth += 1
            elif depth and sign in b"]}":
                depth -= 1
            elif not depth and sign in b",]":
                too_long = too_long or at - self._at > self._limit
                element = None if too_long else self._buffer[self._at : at - 1]
                self._consume(at)
                return element, sign == b"]"

    def _cut_short(self) -> UserError:
        return UserError(
            f"{self._name} ends in the middle of its list, behind row {self._rows}.",
            cure="Copy or download it again, then import again: rows that are stored are not added twice.",
        )
