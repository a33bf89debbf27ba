from __future__ import annotations

from collections import Counter

import pytest

from producers.simulator.library import DAYS, SPANS, library_of
from producers.simulator.listeners import SimulatedListener
from producers.simulator.simulator import Simulator
from streams.contracts.events import DAY, PlayRecorded
from streams.contracts.ports import LibraryEntry, Shelf

NOW = 1_790_000_000_000
SIMULATOR = Simulator(1)
LISTENER = SIMULATOR.listeners[0]


def history(listener: SimulatedListener = LISTENER, now: int = NOW) -> list[PlayRecorded]:
    return SIMULATOR.history(listener, DAYS, now)


@pytest.fixture(scope="module")
def plays() -> list[PlayRecorded]:
    return history()


@pytest.fixture(scope="module")
def library(plays: list[PlayRecorded]) -> dict[Shelf, list[LibraryEntry]]:
    return dict(library_of(LISTENER, plays, SIMULATOR.catalogue, NOW))


def test_it_follows_from_the_listener_and_the_moment(
    library: dict[Shelf, list[LibraryEntry]], plays: list[PlayRecorded]
) -> None:
    assert library == library_of(LISTENER, plays, SIMULATOR.catalogue, NOW)
    other = SIMULATOR.listeners[1]
    assert library != library_of(other, history(other), SIMULATOR.catalogue, NOW)


def test_every_list_has_its_items_once(library: dict[Shelf, list[LibraryEntry]]) -> None:
    assert len(library) == 2 + 2 * len(SPANS)
    for shelf, entries in library.items():
        assert len({entry.item for entry in entries}) == len(entries) > 20, shelf
        assert [entry.position for entry in entries] == (
            list(range(1, len(entries) + 1)) if shelf.time_range else [0] * len(entries)
        )
        assert all((entry.added_at is not None) == (shelf.kind == "saved-track") for entry in entries)
        assert all(entry.artist and entry.artist_id and entry.uri for entry in entries)


def test_the_top_is_what_was_played_most(library: dict[Shelf, list[LibraryEntry]], plays: list[PlayRecorded]) -> None:
    counted = Counter(play.uri for play in plays if not play.skipped and play.reported_end > NOW - SPANS["short"] * DAY)
    tops = [counted[entry.uri] for entry in library[Shelf("top-track", "short")]]
    assert tops == sorted(counted.values(), reverse=True)[: len(tops)]
    assert tops[0] > tops[-1]


def test_some_saved_tracks_were_never_played_and_some_followed_artists_dropped(
    library: dict[Shelf, list[LibraryEntry]], plays: list[PlayRecorded]
) -> None:
    played = {play.uri for play in plays}
    unheard = [entry for entry in library[Shelf("saved-track")] if entry.uri not in played]
    assert 0 < len(unheard) < len(library[Shelf("saved-track")]) / 2
    recent = {play.artists[0].id for play in plays if play.reported_end > NOW - 30 * DAY and not play.skipped}
    dropped = [entry for entry in library[Shelf("followed-artist")] if entry.item not in recent]
    assert 0 < len(dropped) < len(library[Shelf("followed-artist")]) / 2


def test_a_day_changes_little(library: dict[Shelf, list[LibraryEntry]]) -> None:
    after = library_of(LISTENER, history(now=NOW + DAY), SIMULATOR.catalogue, NOW + DAY)
    for shelf in (Shelf("saved-track"), Shelf("followed-artist")):
        one, two = {entry.item for entry in library[shelf]}, {entry.item for entry in after[shelf]}
        assert len(one ^ two) < len(one) / 4
