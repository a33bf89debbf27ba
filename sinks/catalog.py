"""The artist catalogue's write side, and who has to be re-stamped when it changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sinks.clickhouse import ClickHouse, Rows
from sinks.times import next_version
from streams.contracts.events import ArtistDescribed
from streams.contracts.ids import fold
from streams.contracts.ports import CatalogChanges

FIELDS = ("artist_id", "source", "name", "folded_name", "genres", "genre", "subgenre", "popularity", "followers")

Row = tuple[Any, ...]


class ClickHouseCatalog:
    """streams.contracts.ports.Catalog on ClickHouse."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def put_artists(self, artists: Sequence[ArtistDescribed], genres: Sequence[tuple[str, str]]) -> CatalogChanges:
        """Store artists with their decided (genre, subgenre); what that changed.

        Of several descriptions of one artist by one source, the last of the sequence is kept.
        """
        wanted = {
            (a.id, a.source): (
                a.id, a.source, a.name, fold(a.name), list(a.genres), genre, subgenre, a.popularity, a.followers,
            )
            for a, (genre, subgenre) in zip(artists, genres, strict=True)
        }  # fmt: skip
        if not wanted:
            return CatalogChanges()
        rows = self._known(sorted({id_ for id_, _ in wanted}))
        known = {(row[0], row[1]): row[:-1] for row in rows}
        changed = [(row, known.get(key)) for key, row in wanted.items() if known.get(key) != row]
        # above what is there, which a process whose clock is ahead may have written
        version = next_version(max((row[-1] for row in rows), default=0))
        self._ch.insert("artists", (*FIELDS, "version"), [(*row, version) for row, _ in changed])
        return self._concerning(changed)

    def listeners_with(self, names: Collection[str], ids: Collection[str]) -> Sequence[int]:
        """Listeners who have plays that credit artists of those folded names or ids: they need a re-stamp."""
        # Plays hold names as given, so the given names that fold to the wanted ones come first.
        # Without FINAL: a superseded play asks for a re-stamp too many, and costs nothing else.
        wanted = set(names)
        given = [name for name in self._names() if fold(name) in wanted] if wanted else []
        some = [id_ for id_ in ids if id_]
        if not given and not some:
            return []
        rows = self._ch.query(
            "SELECT DISTINCT listener FROM plays WHERE artist_id IN {ids:Array(String)} "
            "OR arrayExists(name -> name IN {names:Array(String)}, artist_names) "
            "OR arrayExists(id -> id IN {ids:Array(String)}, artist_ids) ORDER BY listener",
            {"names": given, "ids": some},
        )
        return [listener for (listener,) in rows]

    def _concerning(self, changed: Sequence[tuple[Row, Row | None]]) -> CatalogChanges:
        """Whose plays are stamped otherwise than before: popularity counts among namesakes only."""
        names: set[str] = set()
        ids: set[str] = set()
        rivals: dict[str, str] = {}
        for row, before in changed:
            if before is None or _stamped(row) != _stamped(before):
                ids.add(row[0])
                names.update(one[3] for one in (row, before) if one is not None)
            elif row[7] != before[7]:
                rivals[row[3]] = row[0]
        if rivals:
            shared = self._ch.query(
                "SELECT folded_name FROM artists WHERE folded_name IN {names:Array(String)} "
                "GROUP BY folded_name HAVING uniqExact(artist_id) > 1",
                {"names": list(rivals)},
                settings={"use_skip_indexes": 0},  # see sinks/reference.py
            )
            names.update(name for (name,) in shared)
        return CatalogChanges(len(changed), frozenset(names), frozenset(ids))

    def _names(self) -> Iterator[str]:
        """Every artist's name that some play gives, a piece at a time: there may be a million."""
        found = self._ch.query_arrow("SELECT DISTINCT arrayJoin(artist_names) AS name FROM plays")
        for batch in found.to_batches(max_chunksize=65_536):
            yield from batch.column(0).to_pylist()

    def _known(self, ids: list[str]) -> Rows:
        return self._ch.query(
            f"SELECT {', '.join(FIELDS)}, version FROM artists FINAL WHERE artist_id IN {{ids:Array(String)}}",
            {"ids": ids},
        )


def _stamped(row: Row) -> tuple[Any, ...]:
    """What of an artist stands on a play, or decides whose it is: folded name, genre, subgenre."""
    return row[3], row[5], row[6]
