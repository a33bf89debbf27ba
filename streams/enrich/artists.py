"""Who the artist of a play is, and its genre: columns of credited artists linked to the catalogue.

A poll gives ids, an export only names. An id is believed as it is; a name is linked when the
catalogue has an artist whose folded name is exactly the same, among namesakes the most popular,
and then it is marked as a guess. One look-up by id and one by name a call, for unique keys only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from streams.contracts.ids import fold
from streams.contracts.ports import CatalogArtist, Reference
from streams.enrich.genre import UNKNOWN


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


class _Match(NamedTuple):
    """What the catalogue says of one (name, id) that was credited."""

    artist_id: str
    is_guess: bool
    genre: str
    subgenre: str


_NOBODY = _Match("", False, UNKNOWN, "")


def link(artist_names: pa.ListArray, artist_ids: pa.ListArray, reference: Reference) -> Linked:
    """Link plays to artists. Both columns are lists of strings, row by row of one length.

    The first credited artist is the play's; where it has no genre, the next one that has lends
    its own. Raises ValueError when names and ids differ in length, StoreUnavailable from the look-up.
    """
    names, ids = _flat(artist_names), _flat(artist_ids)
    rows = pc.list_parent_indices(artist_names).to_numpy(zero_copy_only=False).astype(np.int64)
    if not np.array_equal(rows, pc.list_parent_indices(artist_ids).to_numpy(zero_copy_only=False)):
        raise ValueError("artist_names and artist_ids must be as long as each other, row by row")
    pairs, codes = _unique_pairs(names, ids)
    matches = _match(pairs, reference)

    nobody = len(pairs)  # the code of a row that credits no artist
    count = len(artist_names)
    first = np.full(count, nobody, np.int64)
    credited, at = np.unique(rows, return_index=True)
    first[credited] = codes[at]

    known = np.array([match.genre not in ("", UNKNOWN) for match in matches], np.bool_)
    with_genre = np.flatnonzero(known[codes])
    speaking, at = np.unique(rows[with_genre], return_index=True)
    teller = np.full(count, nobody, np.int64)
    teller[speaking] = codes[with_genre[at]]

    matches.append(_NOBODY)
    return Linked(
        artist=_take([name for name, _ in pairs] + [""], first),
        artist_id=_take([match.artist_id for match in matches], first),
        artist_is_guess=pa.array([match.is_guess for match in matches], pa.bool_()).take(pa.array(first)),
        genre=_take([match.genre for match in matches], teller),
        subgenre=_take([match.subgenre for match in matches], teller),
    )


def _match(pairs: list[tuple[str, str]], reference: Reference) -> list[_Match]:
    """Each (name, id) in the catalogue's words."""
    ids = {artist_id for _, artist_id in pairs if artist_id}
    by_id = reference.artists_by_id(ids) if ids else {}
    folded = {folded for name, artist_id in pairs if not artist_id and (folded := fold(name))}
    by_name = reference.artists_by_name(folded) if folded else {}
    matches: list[_Match] = []
    for name, artist_id in pairs:
        if artist_id:
            # A namesake's genre would be a guess about somebody who is known exactly.
            matches.append(_described(by_id.get(artist_id), artist_id, is_guess=False))
        else:
            namesakes = by_name.get(fold(name), ())
            best = namesakes[0] if namesakes else None
            matches.append(_described(best, best.artist_id if best else "", is_guess=len(namesakes) > 1))
    return matches


def _described(artist: CatalogArtist | None, artist_id: str, *, is_guess: bool) -> _Match:
    if artist is None or artist.genre in ("", UNKNOWN):
        return _Match(artist_id, is_guess, UNKNOWN, "")
    return _Match(artist_id, is_guess, artist.genre, artist.subgenre)


def _flat(column: pa.ListArray) -> pa.DictionaryArray:
    """The lists' members in one dictionary-encoded column, null as ""."""
    return pc.fill_null(pc.list_flatten(column).cast(pa.string()), "").dictionary_encode()


def _unique_pairs(
    names: pa.DictionaryArray, ids: pa.DictionaryArray
) -> tuple[list[tuple[str, str]], NDArray[np.int64]]:
    """The distinct (name, id) pairs, and for each member the index of its pair."""
    width = max(1, len(ids.dictionary))
    mixed = names.indices.to_numpy().astype(np.int64) * width + ids.indices.to_numpy()
    unique, codes = np.unique(mixed, return_inverse=True)
    all_names, all_ids = names.dictionary.to_pylist(), ids.dictionary.to_pylist()
    return [(all_names[one // width], all_ids[one % width]) for one in unique.tolist()], codes.astype(np.int64)


def _take(values: list[str], codes: NDArray[np.int64]) -> pa.StringArray:
    return pa.array(values, pa.string()).take(pa.array(codes, pa.int64()))
