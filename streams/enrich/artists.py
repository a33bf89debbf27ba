"""Who the artist of a play is, and its genre: columns of credited artists linked to the catalogue.

A poll gives ids, an export only names. An id is believed as it is; a name is linked when the
catalogue has an artist whose folded name is exactly the same. Among namesakes it is the one that a
poll named for the same track, else the most popular, and then it is marked as a guess. One look-up
by id, one by name and one by track a call at most, for unique keys only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from streams.contracts.ids import fold
from streams.contracts.ports import CatalogArtist, Reference
from streams.enrich.genre import UNKNOWN

Int64s = NDArray[np.int64]

_SILENT = ("", UNKNOWN)
_NOBODY: Sequence[CatalogArtist | None] = (None,)


class Linked(Struct, frozen=True):
    """Arrow columns of one length, a row a play, typed as in the table `plays`."""

    artist: pa.StringArray  # the first credited name as given, "" without one
    artist_id: pa.StringArray  # given or linked, "" while unknown
    artist_is_guess: pa.BooleanArray  # linked by name among namesakes
    genre: pa.StringArray  # a family, or "unknown"
    subgenre: pa.StringArray  # the raw name that decided it, or ""

    def columns(self) -> dict[str, pa.Array]:
        """The columns by their names in streams/contracts/tables.py."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class _Matches(Struct, frozen=True):
    """What the catalogue says of each distinct credited (name, id), in lists of one length."""

    artist_id: list[str]
    is_guess: list[bool]
    genre: list[str]
    subgenre: list[str]

    def add(self, artist_id: str, found: CatalogArtist | None, *, is_guess: bool = False) -> int:
        """One more; its index."""
        known = found is not None and found.genre not in _SILENT
        self.artist_id.append(artist_id)
        self.is_guess.append(is_guess)
        self.genre.append(found.genre if found is not None and known else UNKNOWN)
        self.subgenre.append(found.subgenre if found is not None and known else "")
        return len(self.artist_id) - 1


def link(
    artist_names: pa.ListArray, artist_ids: pa.ListArray, reference: Reference, uris: pa.StringArray | None = None
) -> Linked:
    """Link plays to artists. Both columns are lists of strings, row by row of one length.

    The first credited artist is the play's; where it has no genre, the next one that has lends
    its own. `uris`, a row a play, tells namesakes apart by their tracks. Raises ValueError when
    names and ids differ in length, StoreUnavailable from the look-up.
    """
    count = len(artist_names)
    sizes = _sizes(artist_names)
    if not np.array_equal(sizes, _sizes(artist_ids)):
        raise ValueError("artist_names and artist_ids must be as long as each other, row by row")
    names, ids, codes = _unique_pairs(_flat(artist_names), _flat(artist_ids))
    matches, namesakes = _match(names, ids, reference)

    credited = np.flatnonzero(sizes)
    firsts = (np.cumsum(sizes) - sizes)[credited]  # where each row's first artist stands
    named = codes[firsts]
    if uris is not None and namesakes:
        codes[firsts] = _told_by_track(named, uris.take(pa.array(credited)), namesakes, matches, reference)
    nobody = matches.add("", None)
    first = np.full(count, nobody, np.int64)
    first[credited] = codes[firsts]
    known = np.array([genre != UNKNOWN for genre in matches.genre], np.bool_)
    speaking = np.flatnonzero(known[codes])[::-1]  # of a row's artists the first is written last
    teller = np.full(count, nobody, np.int64)
    teller[np.repeat(np.arange(count), sizes)[speaking]] = codes[speaking]

    called = np.full(count, len(names), np.int64)
    called[credited] = named
    return Linked(
        artist=_take([*names, ""], called),
        artist_id=_take(matches.artist_id, first),
        artist_is_guess=pa.array(matches.is_guess, pa.bool_()).take(pa.array(first)),
        genre=_take(matches.genre, teller),
        subgenre=_take(matches.subgenre, teller),
    )


def _match(
    names: Sequence[str], ids: Sequence[str], reference: Reference
) -> tuple[_Matches, dict[int, Sequence[CatalogArtist]]]:
    """Each (name, id) in the catalogue's words, and by their index those names that several artists have."""
    wanted = {artist_id for artist_id in ids if artist_id}
    by_id = reference.artists_by_id(wanted) if wanted else {}
    # A namesake's genre would be a guess about somebody who is known exactly, so an id excludes the name.
    folded = [fold(name) if not artist_id else "" for name, artist_id in zip(names, ids, strict=True)]
    asked = {name for name in folded if name}
    by_name = reference.artists_by_name(asked) if asked else {}
    alike = [by_name.get(name, _NOBODY) for name in folded]
    found = [by_id.get(one) if one else who[0] for one, who in zip(ids, alike, strict=True)]
    genres = [artist.genre or UNKNOWN if artist else UNKNOWN for artist in found]
    matches = _Matches(
        [one or (artist.artist_id if artist else "") for one, artist in zip(ids, found, strict=True)],
        [len(who) > 1 for who in alike],
        genres,
        [artist.subgenre if artist and genre != UNKNOWN else "" for artist, genre in zip(found, genres, strict=True)],
    )
    return matches, {index: by_name[folded[index]] for index, guess in enumerate(matches.is_guess) if guess}


def _told_by_track(
    codes: Int64s,
    uris: pa.StringArray,
    namesakes: Mapping[int, Sequence[CatalogArtist]],
    matches: _Matches,
    reference: Reference,
) -> Int64s:
    """The codes of rows, those of namesakes replaced where the row's track says which of them it is."""
    rows = np.flatnonzero(np.isin(codes, list(namesakes)))
    whose = list(zip(codes[rows].tolist(), uris.take(pa.array(rows)).to_pylist(), strict=True))
    tracks = {uri for _, uri in whose if uri}
    named = reference.artists_of_tracks(tracks) if tracks else {}
    told: dict[tuple[int, str], int] = {}
    for code, uri in set(whose):
        artist = next((one for one in namesakes[code] if one.artist_id in named.get(uri, ())), None)
        told[code, uri] = code if artist is None else matches.add(artist.artist_id, artist)
    better: Int64s = codes.copy()
    better[rows] = [told[one] for one in whose]
    return better


def _sizes(lists: pa.ListArray) -> Int64s:
    """How many members each list has; null has none."""
    sizes: Int64s = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return sizes


def _flat(column: pa.ListArray) -> pa.DictionaryArray:
    """The lists' members in one dictionary-encoded column, null as ""."""
    return pc.fill_null(pc.list_flatten(column).cast(pa.string()), "").dictionary_encode()


def _unique_pairs(names: pa.DictionaryArray, ids: pa.DictionaryArray) -> tuple[list[str], list[str], Int64s]:
    """The distinct pairs' names and ids, and for each member the index of its pair."""
    width = max(1, len(ids.dictionary))
    mixed = names.indices.to_numpy().astype(np.int64) * width + ids.indices.to_numpy()
    pairs = pa.array(mixed).dictionary_encode()
    name, one = np.divmod(pairs.dictionary.to_numpy(), width)
    return (
        names.dictionary.take(pa.array(name)).to_pylist(),
        ids.dictionary.take(pa.array(one)).to_pylist(),
        pairs.indices.to_numpy().astype(np.int64),
    )


def _take(values: list[str], codes: Int64s) -> pa.StringArray:
    return pa.array(values, pa.string()).take(pa.array(codes, pa.int64()))
