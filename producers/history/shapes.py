"""What a file is: recognised by how it begins, not by its name, for people rename files.

A shape says how the bytes are cut into rows (one JSON array, one JSON object a line, a table of
separated values), what a row looks like, and what makes events of the rows.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from msgspec import Struct

from producers.history import own, rows, values
from producers.history.account import AccountFormat
from producers.history.elements import Elements, Found
from producers.history.formats import ExtendedFormat
from producers.history.lines import Lines
from producers.history.listens import ListenFormat, ScrobbleFormat
from producers.history.published import RowFormat
from producers.history.tables import Columns, Table, columns_of, written

Read = Callable[[int], bytes]

PAGE_LIMIT = 16 * 1024 * 1024  # bytes of one page of scrobbles: 1,000 of them with their pictures have 1 MB


class Shape(Struct, frozen=True):
    """One kind of file. `first` finds the time of the first row in the file's head."""

    name: str
    format: Callable[[int, int, int], RowFormat]  # of listener, import id, published at
    batches: Callable[[Read, str], Iterable[list[Any]]]  # of a reader and the file's name
    first: re.Pattern[bytes]


def _time(key: bytes) -> re.Pattern[bytes]:
    return re.compile(rb'"' + key + rb'"\s*:\s*("[^"]{1,40}"|[0-9.]{1,20})')


def _has(key: bytes) -> re.Pattern[bytes]:
    return re.compile(rb'"' + key + rb'"\s*:')


_TS, _END_TIME, _LISTENED, _UTS, _DATE = (_time(each) for each in (b"ts", b"endTime", b"listened_at", b"uts", b"date"))
_MS_PLAYED, _MSPLAYED, _METADATA, _ARTIST = (
    _has(each) for each in (b"ms_played", b"msPlayed", b"track_metadata", b"artist")
)
_SCROBBLES = re.compile(rb'"scrobbles"\s*:\s*\[')
_PAGE = re.compile(rb'^\[\s*\{\s*(?:"@attr"\s*:\s*\{[^{}]*\}\s*,\s*)?"track"\s*:\s*\[')
_PAGES_OF_LISTS = re.compile(rb"^\[\s*\[")
_WRITTEN = rb"\d{1,2} [A-Z][a-z]{2} \d{4},? \d{2}:\d{2}"
_OWN_TIME = re.compile(rb'(?:"reported_end":|[,\n])("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z")')
_TABLE_TIME = re.compile(rb'(?:^|[;,"])(\d{10}(?:\d{3})?|' + _WRITTEN + rb')(?=[;,"\r\n]|$)', re.M)


def _extended(read: Read, name: str) -> Iterable[list[Found]]:
    return Elements(read, name)


def _account(read: Read, name: str) -> Iterable[list[Found]]:
    return Elements(read, name, of=rows.ACCOUNT)


def _listens(read: Read, name: str) -> Iterable[list[Found]]:
    return Elements(read, name, of=rows.LISTENS)


def _listen_lines(read: Read, name: str) -> Iterable[list[Found]]:
    return Lines(read, name, of=rows.LISTENS)


def _scrobbles(read: Read, name: str) -> Iterable[list[Found]]:
    return Elements(read, name, of=rows.SCROBBLES)


def _scrobble_object(read: Read, name: str) -> Iterable[list[Found]]:
    return Elements(read, name, of=rows.SCROBBLES, inside=_SCROBBLES)


def _pages(read: Read, name: str) -> Iterator[list[Found]]:
    for pages in Elements(read, name, PAGE_LIMIT, of=rows.SCROBBLE_PAGES):
        found: list[Found] = []
        for page in pages:
            tracks = page.track if isinstance(page, rows.ScrobblePage) else None
            if not isinstance(tracks, list):
                found.append(None)  # a page that cannot be read is told as one row
                continue
            found += [rows.as_row(rows.ScrobbleRow, each) for each in tracks if not _plays_now(each)]
        yield found


def _plays_now(scrobble: Any) -> bool:
    """Last.fm puts what plays at this moment on top of a page, without a time: it is no scrobble yet."""
    about = scrobble.get("@attr") if isinstance(scrobble, dict) else None
    return isinstance(about, dict) and "nowplaying" in about


def _table(columns: Columns) -> Callable[[Read, str], Iterable[list[Found]]]:
    return lambda read, name: Table(read, name, columns)


EXTENDED = Shape("Extended streaming history", ExtendedFormat, _extended, _TS)
ACCOUNT = Shape("Account data", AccountFormat, _account, _END_TIME)
LISTENBRAINZ = Shape("ListenBrainz listens", ListenFormat, _listen_lines, _LISTENED)
LISTENBRAINZ_LIST = Shape("ListenBrainz listens", ListenFormat, _listens, _LISTENED)
LASTFM = Shape("Last.fm scrobbles", ScrobbleFormat, _scrobble_object, _DATE)
LASTFM_LIST = Shape("Last.fm scrobbles", ScrobbleFormat, _scrobbles, _UTS)
LASTFM_PAGES = Shape("Last.fm scrobbles", ScrobbleFormat, _pages, _UTS)
OWN_LINES = Shape("Spotifire export", own.OwnFormat, own.lines, _OWN_TIME)
OWN_PARQUET = Shape("Spotifire export", own.OwnFormat, own.parquet, _OWN_TIME)


def recognise(head: bytes) -> Shape | str:
    """The shape of a file that begins with `head` (UTF-8), or why it is left out."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"["):
        return _list(text)
    if text.startswith(b"{"):
        if _LISTENED.search(text) and _METADATA.search(text):
            return LISTENBRAINZ
        if own.is_lines(text):
            return OWN_LINES
        return LASTFM if _SCROBBLES.search(text) else "no list of plays"
    return _own(text) or _scrobble_table(text) or "no list of plays"


def _own(text: bytes) -> Shape | None:
    if own.is_parquet(text):
        return OWN_PARQUET
    names = own.columns_of_own(text)
    if not names:
        return None
    return Shape("Spotifire export", own.OwnFormat, partial(own.OwnTable, columns=names), _OWN_TIME)


def _scrobble_table(text: bytes) -> Shape | None:
    columns = columns_of(text)
    return Shape("Last.fm scrobbles", ScrobbleFormat, _table(columns), _TABLE_TIME) if columns is not None else None


def _list(text: bytes) -> Shape | str:
    if _TS.search(text) and _MS_PLAYED.search(text):
        return EXTENDED
    if _END_TIME.search(text) and _MSPLAYED.search(text):
        return ACCOUNT
    if _LISTENED.search(text) and _METADATA.search(text):
        return LISTENBRAINZ_LIST
    if _UTS.search(text) and _ARTIST.search(text) and not _PAGES_OF_LISTS.match(text):
        return LASTFM_PAGES if _PAGE.match(text) else LASTFM_LIST
    return "a list, but not of plays"


def first_moment(shape: Shape, head: bytes) -> int:
    """When the first row of a file ended (or began): Unix milliseconds UTC, 0 where unreadable."""
    found = shape.first.search(head)
    if found is None:
        return 0
    text = found[1].decode("ascii", "replace").strip('"')
    moment = values.moment(written(text))
    return moment if isinstance(moment, int) else 0
