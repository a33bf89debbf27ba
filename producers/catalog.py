"""An artist catalogue from a file: read it, decide each artist's genre, store it, publish it.

The file is a JSON list, or one JSON object a line (JSONL), of {id, name, genres, popularity,
followers}; `followers` may also be Spotify's own {"total": n}, and further fields do not matter.
A genre is a name, or {"name": ..., "count": n} as MusicBrainz and Last.fm count their users' votes:
then the counts are the weights of the decision, and the names are kept in their order.
A row that is no artist is refused, counted and logged by its place; the rest goes on.

    read -> decide the genre -> store in ClickHouse (the record) -> publish on music.artist.described.v1
         -> which listeners play these artists: they need a re-stamp, for which the caller asks
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import structlog
from msgspec import Meta, Struct

from producers.history.elements import LIMIT, Elements
from producers.history.lines import Lines
from producers.history.rows import Unread
from streams.contracts.errors import (
    MalformedJson,
    MissingField,
    OutOfRange,
    Refused,
    TooLong,
    UserError,
    WrongType,
)
from streams.contracts.events import ArtistDescribed, Name, Word
from streams.contracts.ids import fold
from streams.contracts.ports import Catalog
from streams.contracts.topics import ARTIST_DESCRIBED
from streams.enrich import genre
from streams.publisher import Publisher

log = structlog.get_logger(__name__)

SPOTIFY = "spotify"  # whose ids and genre names the file holds

_CURE = "Give a JSON list, or one JSON object a line, of {id, name, genres, popularity, followers}."
_BATCH = 10_000  # artists a write; some 10 MB of Python objects
_ASK = 100_000  # artists a question for their listeners, which reads all of `plays`
_LOGGED = 5  # refused rows that are logged one by one
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")


class CatalogImport(Struct, frozen=True):
    """What became of a file: read = accepted + the sum of refused."""

    read: int
    stored: int  # new in the catalogue, or changed
    refused: dict[str, int]  # by the reason word of streams.contracts.errors
    listeners_to_restamp: tuple[int, ...]  # ascending


class _Total(Struct):
    total: Annotated[int, Meta(ge=0)] | None = None


class Described(Struct, frozen=True):
    """An artist of a file, and the votes that each of its genres has, where the file counts them."""

    artist: ArtistDescribed
    votes: tuple[int, ...] | None = None  # as many as artist.genres, most first


class _Counted(Struct, frozen=True):
    name: Name
    count: Annotated[int, Meta(ge=0)]


class _Row(Struct):
    """An artist as the file has it; null means unknown."""

    id: Annotated[Word, Meta(min_length=1)]
    name: Annotated[Name, Meta(min_length=1)]
    genres: Annotated[tuple[Name | _Counted, ...], Meta(max_length=256)] | None = None
    popularity: Annotated[int, Meta(ge=0, le=100)] | None = None
    followers: Annotated[int, Meta(ge=0)] | _Total | None = None


def read_catalog(
    path: Path,
    *,
    source: str = SPOTIFY,
    described_at: int | None = None,
    on_refused: Callable[[int, Refused], None] | None = None,
) -> Iterator[Described]:
    """The artists of a file, in its order and in flat memory. A list is read twice, first to its end.

    `described_at` is Unix milliseconds UTC, by default now. `on_refused` is told the index (from
    0) of each row that is no artist, and why. Raises UserError when the file is not such a file.
    """
    at = time.time_ns() // 1_000_000 if described_at is None else described_at
    decoder = msgspec.json.Decoder(_Row)
    for index, raw in enumerate(_rows(path)):
        try:
            yield _described(decoder, raw, source, at)
        except Refused as refused:
            if on_refused is not None:
                on_refused(index, refused)


async def import_catalog(
    path: Path,
    catalog: Catalog,
    publisher: Publisher | None = None,
    *,
    source: str = SPOTIFY,
    again: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> CatalogImport:
    """Read a file into the catalogue. Storing it twice changes nothing.

    Every artist is published when a publisher is given. `on_progress` is told how many rows were
    read so far. `again` also names the listeners of artists that did not change: after an import
    that was cut off before its listeners were re-stamped. Raises UserError for a file that is no
    catalogue, StoreUnavailable and the publisher's errors otherwise.
    """
    refused: dict[str, int] = {}

    def refuse(index: int, why: Refused) -> None:
        refused[why.reason] = refused.get(why.reason, 0) + 1
        if sum(refused.values()) <= _LOGGED:
            log.warning("artist refused", file=path.name, row=index, reason=why.reason, why=why.message)

    artists = read_catalog(path, source=source, on_refused=refuse)
    accepted = stored = 0
    listeners: set[int] = set()
    names: set[str] = set()
    ids: set[str] = set()
    while rows := await asyncio.to_thread(lambda: list(islice(artists, _BATCH))):
        genres = [genre.decide(one.artist.genres, one.votes) for one in rows]
        batch = [one.artist for one in rows]
        changed = await asyncio.to_thread(catalog.put_artists, batch, genres)
        if publisher is not None:
            for artist in batch:
                await publisher.publish(ARTIST_DESCRIBED, artist)
        accepted, stored = accepted + len(batch), stored + changed.stored
        names |= changed.names
        ids |= changed.ids
        if again:
            names.update(fold(artist.name) for artist in batch)
            ids.update(artist.id for artist in batch)
        if len(names) + len(ids) >= _ASK:
            listeners.update(await asyncio.to_thread(catalog.listeners_with, names, ids))
            names, ids = set(), set()
        if on_progress is not None:
            on_progress(accepted + sum(refused.values()))
    if names or ids:
        listeners.update(await asyncio.to_thread(catalog.listeners_with, names, ids))
    if publisher is not None:
        await publisher.flush()
    result = CatalogImport(accepted + sum(refused.values()), stored, refused, tuple(sorted(listeners)))
    log.info("catalogue imported", file=path.name, read=result.read, stored=stored, refused=refused)
    return result


_Told = bytes | msgspec.Raw | Unread | None


class _Texts:
    """Rows as the bytes that they are: each is decoded where it can be refused alone."""

    _decoder = msgspec.json.Decoder(list[msgspec.Raw])

    def many(self, array: bytes) -> list[msgspec.Raw] | None:
        """The elements of an array, or None where it is not valid."""
        try:
            return self._decoder.decode(array)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None

    def one(self, element: bytes) -> bytes:
        """An element of an array that is not valid, whatever it is."""
        return element


def _rows(path: Path) -> Iterator[_Told]:
    """Each row's bytes, or why there are none. Raises UserError."""
    try:
        with path.open("rb") as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
            file.seek(0)
            if start == b"[":
                for _ in _listed(file, path):  # a list that was cut short stores nothing
                    pass
                file.seek(0)
                yield from _listed(file, path)
            elif start == b"{":
                yield from chain.from_iterable(Lines(file.read, path.name, of=_Texts()))
            elif not start:
                raise UserError(f"{path.name} is empty.", cure=_CURE)
            else:
                raise UserError(f"{path.name} is not JSON.", cure=_CURE)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", cure="Check the path and its rights.") from error


def _listed(file: BinaryIO, path: Path) -> Iterator[_Told]:
    try:
        yield from chain.from_iterable(Elements(file.read, "it", of=_Texts()))
    except UserError as error:
        raise UserError(f"{path.name} is not a JSON list: {error.message}", cure=_CURE) from error


def _described(decoder: msgspec.json.Decoder[_Row], raw: _Told, source: str, at: int) -> Described:
    """One row. Raises MalformedJson, MissingField, WrongType, TooLong or OutOfRange."""
    if raw is Unread.NOT_UTF8 or raw is None:
        raise MalformedJson("the row is not JSON in UTF-8")
    if raw is Unread.TOO_LONG:
        raise TooLong(f"the row is longer than {LIMIT:,} bytes")
    try:
        row = decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise MalformedJson("the row is not JSON in UTF-8") from None
    if not fold(row.name):
        raise MissingField("name is empty")
    followers = row.followers.total if isinstance(row.followers, _Total) else row.followers
    genres, votes = _ranked(row.genres or ())
    artist = ArtistDescribed(
        source=source,
        id=row.id,
        name=row.name,
        described_at=at,
        genres=genres,
        popularity=row.popularity,
        followers=followers,
    )
    return Described(artist, votes)


def _ranked(genres: Sequence[str | _Counted]) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    """Names and their votes, most first; in the file's order and None where it counts none. A bare name is one vote."""
    names = tuple(one.name if isinstance(one, _Counted) else one for one in genres)
    if not any(isinstance(one, _Counted) for one in genres):
        return names, None
    votes = (one.count if isinstance(one, _Counted) else 1 for one in genres)
    ranked = sorted(zip(names, votes, strict=True), key=lambda one: -one[1])
    return tuple(name for name, _ in ranked), tuple(count for _, count in ranked)


def _named(said: str) -> Refused:
    """msgspec's words -> our error, which names the field."""
    found = _PATH.search(said)
    field = found[1] if found else ""
    if said.startswith("Object missing required field"):
        return MissingField(f"{said.split('`')[1]} is missing")
    if not field:
        return MalformedJson("the row is not a JSON object")
    if "of length >=" in said:
        return MissingField(f"{field} is empty")
    if "of length <=" in said:
        return TooLong(f"{field} is longer than its limit")
    if re.match(r"Expected `int` [<>]=", said) or "out of range" in said:
        return OutOfRange(f"{field} is outside its limits")
    return WrongType(f"{field} has another type than it must have")
