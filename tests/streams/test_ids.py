"""The formulas of the ids, pinned: a change here would make every known row new."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.columns import sighting_table
from streams.contracts import ids
from streams.contracts.events import Artist
from streams.contracts.sources import RANK
from tests.streams.worlds import SOURCES, heard


def test_sighting_ids_are_final() -> None:
    said = (0x00C0FFEE00000001, "spotify.export.extended", 1_750_000_000_123)
    assert ids.to_hex(ids.sighting_id(*said, "spotify:track:1", "A", "B", 200_000)) == "b44014521585e20a"
    assert ids.to_hex(ids.sighting_id(*said, "spotify:track:1", "A", "B", None)) == "82b540d8c85b3392"
    assert ids.to_hex(ids.sighting_id(*said, "", "Björk", "Jóga", 0)) == "af585fbf37064f93"


def test_play_ids_are_final() -> None:
    assert ids.to_hex(ids.play_id(1_750_000_000_999, "spotify:track:1", "Björk", "Jóga")) == "684ee180d5d5076e"
    assert ids.to_hex(ids.play_id(1_750_000_000_000, "spotify:track:2", " BJÖRK", "jóga ")) == "684ee180d5d5076e"
    assert ids.to_hex(ids.play_id(1_750_000_000_000, "spotify:track:1", "", "Jóga")) == "684ee180af6f4c59"
    assert ids.to_hex(ids.hash64("a", "b")) == "f84c4d669fe0d410"


def test_ranks_are_final() -> None:
    assert sorted(RANK, key=RANK.__getitem__) == [
        "spotify.export.extended",
        "spotify.recently-played",
        "spotify.now-playing",
        "listenbrainz",
        "lastfm",
        "spotify.export.account",
        "simulator",
    ]
    assert set(RANK) == set(SOURCES)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Björk", "bjo\u0308rk"), ("STRASSE", "straße"), ("ＡＢＣ", "abc"), (" a\u00a0\t b ", "A B"), ("ﬁn", "FIN")],
)
def test_names_that_are_one(one: str, other: str) -> None:
    assert ids.fold(one) == ids.fold(other)


@given(st.text())
def test_folding_twice_is_folding_once_and_leaves_no_separator(text: str) -> None:
    assert ids.fold(ids.fold(text)) == ids.fold(text)
    assert ids.SEPARATOR not in ids.fold(text)


@given(st.integers(0, 2**64 - 1))
def test_hex_comes_back(value: int) -> None:
    assert ids.from_hex(ids.to_hex(value)) == value


@pytest.mark.parametrize("text", ["", "1", "0" * 17, "0x00000000000000", "zzzzzzzzzzzzzzzz", "٠" * 16, " " * 16])
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ids.from_hex(text)


def test_ids_by_columns_are_those_of_the_formula() -> None:
    events = [heard(0), heard(1.5, "lastfm", track=2, ms_played=None), heard(2, track=3, listener="f" * 16)]
    table = sighting_table(events, 1)
    for event, made in zip(events, table["sighting_id"].to_pylist(), strict=True):
        artist = event.artists[0].name if event.artists else ""
        listener = ids.from_hex(event.listener)
        told = (listener, event.source, event.reported_end, event.uri, artist, event.title, event.ms_played)
        assert made == ids.sighting_id(*told)


def test_an_id_knows_nothing_that_a_newer_export_may_add() -> None:
    later = heard(
        0,
        ended_at=1_750_000_000_777,
        started_at=1_749_999_000_000,
        duration_ms=1,
        album="Blue Train",
        artists=(Artist("John Coltrane", "2hGh5VOeeqimQFxqXvfCUf"), Artist("Lee Morgan")),
        isrc="x",
        skipped=True,
        published_at=1_750_000_000_000,
        import_id="1" * 16,
    )
    both = sighting_table([heard(0), later], 1)["sighting_id"].to_pylist()
    assert both[0] == both[1]
