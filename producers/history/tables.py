"""A table of scrobbles as text, separated by commas or semicolons -> its rows, in flat memory.

Three exporters write one: lastfmstats.com (`Artist;Album;AlbumId;Track;Date#name`, milliseconds),
mainstream.ghan.nl (`uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid`, seconds) and
lastfm-to-csv (no head: artist, album, track, `06 Sep 2024, 14:23` in UTC).
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from msgspec import Struct

from producers.history.elements import BLOCK, LIMIT, Found
from producers.history.rows import ScrobbleRow, Unread, torn

BATCH = 1_000  # rows

_WRITTEN = re.compile(r"(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}),? (\d{2}):(\d{2})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Columns(Struct, frozen=True):
    """Where the fields stand in a line, what separates them, and whether the first line is a head."""

    artist: int
    album: int
    track: int
    date: int
    separator: str = ","
    head: bool = True

    @property
    def last(self) -> int:
        """The highest of them."""
        return max(self.artist, self.album, self.track, self.date)


def columns_of(head: bytes) -> Columns | None:
    """The columns of a table that begins with `head`, or None where it is none of scrobbles."""
    line = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    for separator in (";", ","):
        names = [name.strip().strip('"').lower().split("#")[0] for name in line.split(separator)]
        time = next((name for name in ("uts", "date") if name in names), None)
        if time and {"artist", "album", "track"} <= set(names):
            artist, album, track, date = (names.index(each) for each in ("artist", "album", "track", time))
            return Columns(artist, album, track, date, separator)
    try:
        fields = next(csv.reader([line]), [])
    except csv.Error:
        return None
    if len(fields) == 4 and _WRITTEN.fullmatch(fields[3].strip()):
        return Columns(0, 1, 2, 3, head=False)
    return None


class Table:
    """Reads the rows of one file. `read(n)` gives at most n bytes, and b"" at the end.

    A line with too few fields is an unreadable row, one with bytes that are not UTF-8 or a field of over
    `limit` bytes is an Unread.
    """

    def __init__(self, read: Callable[[int], bytes], name: str, columns: Columns, limit: int = LIMIT) -> None:
        self._read = read
        self._name = name
        self._columns = columns
        self._limit = limit

    def __iter__(self) -> Iterator[list[Found]]:
        found: list[Found] = []
        for line in self._lines():
            found.append(line if isinstance(line, Unread) else self._row(line))
            if len(found) == BATCH:
                yield found
                found = []
        if found:
            yield found

    def _lines(self) -> Iterator[list[str] | Unread | None]:
        table = csv.reader(self._texts(), delimiter=self._columns.separator)
        if self._columns.head:
            next(table, None)
        while True:
            try:
                line = next(table)
            except StopIteration:
                return
            except csv.Error as error:  # a carriage return in the midst, or a field over csv's own limit
                yield Unread.TOO_LONG if "field limit" in str(error) else None
                continue
            if line:
                yield Unread.NOT_UTF8 if torn(line) else line

    def _texts(self) -> Iterator[str]:
        """The file's lines as text, bytes that are not UTF-8 as surrogates; a longer one is cut at the limit."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        rest = ""
        while block := self._read(BLOCK):
            lines = (rest + decoder.decode(block)).split("\n")
            rest = lines.pop()
            if len(rest) > self._limit:
                lines.append(rest[: self._limit])
                rest = ""
            yield from (line + "\n" for line in lines)
        if rest := rest + decoder.decode(b"", final=True):
            yield rest

    def _row(self, line: list[str] | None) -> ScrobbleRow | None:
        columns = self._columns
        if line is None or len(line) <= columns.last:
            return None
        return ScrobbleRow(
            artist=line[columns.artist],
            album=line[columns.album],
            track=line[columns.track],
            date=written(line[columns.date].strip()),
        )


def written(text: str) -> object:
    """`06 Sep 2024, 14:23` -> Unix seconds UTC; digits -> a number; anything else as it is."""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    found = _WRITTEN.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return text
    day, year, hour, minute = (int(found[each]) for each in (1, 3, 4, 5))
    try:
        return int(datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, tzinfo=UTC).timestamp())
    except ValueError:
        return text
