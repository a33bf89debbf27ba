from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.catalog import ClickHouseCatalog
from sinks.clickhouse import ClickHouse
from sinks.reference import ClickHouseReference
from streams.contracts.events import ArtistDescribed
from streams.contracts.ids import fold
from streams.contracts.ports import CatalogArtist, ListenerSettings
from streams.contracts.tables import PLAYS, TEXTS
from streams.enrich.artists import link

ROSALIA = CatalogArtist(artist_id="1", name="ROSALÍA", genre="latin-pop", subgenre="flamenco pop", popularity=85)
NIRVANA = CatalogArtist(artist_id="2", name="Nirvana", genre="alternative", subgenre="grunge", popularity=80)
NIRVANA_UK = CatalogArtist(artist_id="3", name="Nirvana", genre="rock", subgenre="psychedelic rock", popularity=30)
SILENT = CatalogArtist(artist_id="4", name="Handa", genre="unknown", subgenre="", popularity=25)
KNOWN = (ROSALIA, NIRVANA, NIRVANA_UK, SILENT)


class Shelf:
    """Reference data from a tuple; remembers what it was asked for."""

    def __init__(self, artists: Sequence[CatalogArtist] = KNOWN) -> None:
        self.artists = artists
        self.asked: list[Collection[str]] = []
        self.tracks: dict[str, list[str]] = {}

    def listeners(self, ids: Collection[int]) -> Mapping[int, ListenerSettings]:
        raise NotImplementedError

    def artists_by_id(self, ids: Collection[str]) -> Mapping[str, CatalogArtist]:
        self.asked.append(ids)
        return {artist.artist_id: artist for artist in self.artists if artist.artist_id in ids}

    def artists_by_name(self, folded: Collection[str]) -> Mapping[str, Sequence[CatalogArtist]]:
        self.asked.append(folded)
        found: dict[str, list[CatalogArtist]] = {}
        for artist in sorted(self.artists, key=lambda one: -(one.popularity or 0)):
            if fold(artist.name) in folded:
                found.setdefault(fold(artist.name), []).append(artist)
        return found

    def artists_of_tracks(self, uris: Collection[str]) -> Mapping[str, Sequence[str]]:
        self.asked.append(uris)
        return {uri: self.tracks[uri] for uri in uris if uri in self.tracks}

    def forget(self, listener: int) -> None:
        raise NotImplementedError


def texts(rows: Sequence[Sequence[str]]) -> pa.ListArray:
    return pa.array(rows, TEXTS)


def linked(
    names: Sequence[Sequence[str]], ids: Sequence[Sequence[str]], shelf: Shelf | None = None
) -> list[tuple[object, ...]]:
    found = link(texts(names), texts(ids), shelf or Shelf()).columns()
    assert {name: column.type for name, column in found.items()} == {name: PLAYS.field(name).type for name in found}
    return list(zip(*(column.to_pylist() for column in found.values()), strict=True))


def test_by_id_by_folded_name_and_not_at_all() -> None:
    assert linked(
        [["Rosalia, as a poll says"], ["rosalía"], ["Rosalia"], ["Nobody"], []],
        [["1"], [""], [""], [""], []],
    ) == [
        ("Rosalia, as a poll says", "1", False, "latin-pop", "flamenco pop"),
        ("rosalía", "1", False, "latin-pop", "flamenco pop"),
        ("Rosalia", "", False, "unknown", ""),  # exact after folding: accents tell names apart
        ("Nobody", "", False, "unknown", ""),
        ("", "", False, "unknown", ""),
    ]


def test_among_namesakes_the_most_popular_as_a_guess() -> None:
    assert linked([["Nirvana"], ["Nirvana"]], [[""], ["3"]]) == [
        ("Nirvana", "2", True, "alternative", "grunge"),
        ("Nirvana", "3", False, "rock", "psychedelic rock"),
    ]


def test_among_namesakes_the_one_whose_track_a_poll_named() -> None:
    shelf = Shelf()
    shelf.tracks = {"uk": ["3", "9"], "us": ["2"], "else": ["99"]}
    rows = [["Nirvana"], ["NIRVANA", "ROSALÍA"], ["Nirvana"], ["Nirvana"], ["ROSALÍA"], ["Nirvana"], []]
    ids = [[""], ["", ""], [""], [""], [""], ["2"], []]
    uris = pa.array(["uk", "us", "else", "", "uk", "uk", "uk"])
    found = link(texts(rows), texts(ids), shelf, uris)
    assert found.artist.to_pylist() == ["Nirvana", "NIRVANA", "Nirvana", "Nirvana", "ROSALÍA", "Nirvana", ""]
    assert found.artist_id.to_pylist() == ["3", "2", "2", "2", "1", "2", ""]
    assert found.artist_is_guess.to_pylist() == [False, False, True, True, False, False, False]
    assert found.genre.to_pylist()[:3] == ["rock", "alternative", "alternative"]
    assert shelf.asked[-1] == {"uk", "us", "else"}  # only tracks of namesakes, each once


def test_an_id_that_the_catalogue_lacks_stays_and_is_not_taken_for_a_namesake() -> None:
    assert linked([["Nirvana"]], [["99"]]) == [("Nirvana", "99", False, "unknown", "")]


def test_the_first_artist_is_the_plays_and_the_next_with_a_genre_lends_it() -> None:
    assert linked([["Handa", "Nobody", "ROSALÍA", "Nirvana"]], [["4", "", "", ""]]) == [
        ("Handa", "4", False, "latin-pop", "flamenco pop")
    ]
    assert linked([["Nirvana", "ROSALÍA"]], [["3", "1"]]) == [("Nirvana", "3", False, "rock", "psychedelic rock")]


def test_one_look_up_of_each_kind_with_unique_keys() -> None:
    shelf = Shelf()
    linked([["Nirvana"], ["NIRVANA", "Handa"], ["Handa"]] * 100, [[""], ["", "4"], ["4"]] * 100, shelf)
    assert [set(keys) for keys in shelf.asked] == [{"4"}, {"nirvana"}]
    quiet = Shelf()
    linked([[], [""]], [[], [""]], quiet)
    assert quiet.asked == []


def test_no_rows_and_sliced_columns() -> None:
    assert linked([], []) == []
    names, ids = texts([["x"], ["Handa", "ROSALÍA"], ["Nirvana"]]), texts([["9"], ["4", ""], ["3"]])
    found = link(names.slice(1), ids.slice(1), Shelf())
    assert found.artist.to_pylist() == ["Handa", "Nirvana"]
    assert found.genre.to_pylist() == ["latin-pop", "rock"]


def test_missing_members_count_as_unknown() -> None:
    found = link(pa.array([[None, "Nirvana"], None], TEXTS), pa.array([[None, "3"], None], TEXTS), Shelf())
    assert found.artist.to_pylist() == ["", ""]
    assert found.genre.to_pylist() == ["rock", "unknown"]


def test_names_and_ids_of_different_length_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="as long as each other"):
        link(texts([["a", "b"], ["c"]]), texts([["1"], ["2", "3"]]), Shelf())
    with pytest.raises(ValueError, match="as long as each other"):
        link(texts([["a", "b"]]), texts([["1"]]), Shelf())


CREDITS = st.lists(
    st.tuples(
        st.sampled_from(["Nirvana", "nirvana", "ROSALÍA", "Handa", "Nobody", ""]),
        st.sampled_from(["", "1", "3", "4", "99"]),
    ),
    max_size=4,
)


@given(st.lists(CREDITS, max_size=20))
def test_columns_say_what_each_row_would_say_alone(plays: list[list[tuple[str, str]]]) -> None:
    together = linked([[n for n, _ in play] for play in plays], [[i for _, i in play] for play in plays])
    alone = [linked([[n for n, _ in play]], [[i for _, i in play]])[0] for play in plays]
    assert together == alone


def test_with_the_real_catalogue(clickhouse: ClickHouse, reference: ClickHouseReference) -> None:
    artists = [
        ArtistDescribed(source="spotify", id="a", name="Sigur Rós", described_at=1_700_000_000_000, popularity=60),
        ArtistDescribed(source="spotify", id="b", name="sigur rós", described_at=1_700_000_000_000, popularity=2),
        ArtistDescribed(source="spotify", id="c", name="Björk", described_at=1_700_000_000_000),
    ]
    ClickHouseCatalog(clickhouse).put_artists(artists, [("rock", "post-rock"), ("unknown", ""), ("pop", "art pop")])
    found = link(texts([["SIGUR RÓS"], ["?"], ["BJÖRK"]]), texts([[""], ["c"], [""]]), reference)
    assert found.artist_id.to_pylist() == ["a", "c", "c"]
    assert found.artist_is_guess.to_pylist() == [True, False, False]
    assert found.genre.to_pylist() == ["rock", "pop", "pop"]
