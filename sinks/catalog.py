"""The artist catalogue's write side, and who has to be re-stamped when it changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sinks.clickhouse import ClickHouse, Rows
from sinks.times import next_version
from streams.contracts.events import ArtistDescribed
from streams.contracts.ids import fold

FIELDS = ("artist_id", "source", "name", "folded_name", "genres", "genre", "subgenre", "popularity", "followers")


class ClickHouseCatalog:
    """streams.contracts.ports.Catalog on ClickHouse."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def put_artists(self, artists: Sequence[ArtistDescribed], genres: Sequence[tuple[str, str]]) -> int:
        """Store artists with their decided (genre, subgenre); how many were new or changed.

        Of several descriptions of one artist by one source, the last of the sequence is kept.
        """
        wanted = {
            (a.id, a.source): (
                a.id, a.source, a.name, fold(a.name), list(a.genres), genre, subgenre, a.popularity, a.followers,
            )
            for a, (genre, subgenre) in zip(artists, genres, strict=True)
        }  # fmt: skip
        if not wanted:
            return 0
        known = {(row[0], row[1]): row for row in self._known(sorted({id_ for id_, _ in wanted}))}
        changed = [row for key, row in wanted.items() if known.get(key) != row]
        version = next_version()
        self._ch.insert("artists", (*FIELDS, "version"), [(*row, version) for row in changed])
        return len(changed)

    def listeners_with(self, names: Collection[str], ids: Collection[str]) -> Sequence[int]:
        """Listeners who have plays by artists of those folded names or ids: they need a re-stamp."""
        # Plays hold names as given, so the given names that fold to the wanted ones come first.
        # Without FINAL: a superseded play asks for a re-stamp too many, and costs nothing else.
        wanted = set(names)
        given = (
            [n for (n,) in self._ch.query("SELECT DISTINCT artist FROM plays") if fold(n) in wanted] if wanted else []
        )
        if not given and not ids:
            return []
        rows = self._ch.query(
            "SELECT DISTINCT listener FROM plays WHERE artist IN {names:Array(String)} "
            "OR artist_id IN {ids:Array(String)} ORDER BY listener",
            {"names": given, "ids": [id_ for id_ in ids if id_]},
        )
        return [listener for (listener,) in rows]

    def _known(self, ids: list[str]) -> Rows:
        return self._ch.query(
            f"SELECT {', '.join(FIELDS)} FROM artists FINAL WHERE artist_id IN {{ids:Array(String)}}", {"ids": ids}
        )
