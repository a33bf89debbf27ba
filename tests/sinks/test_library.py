from __future__ import annotations

import msgspec
import pytest

from sinks.clickhouse import ClickHouse
from sinks.erase import erase_listener, held
from sinks.library import ClickHouseLibrary, differing
from sinks.listeners import Listeners
from streams.contracts.ports import LibraryEntry, Look, Shelf

SAVED, SHORT = Shelf("saved-track"), Shelf("top-track", "short")
DAY = 86_400_000
T = 1_780_000_000_000


def entry(item: str, **more: object) -> LibraryEntry:
    told = {"title": f"Song {item}", "artist": "Ada", "artist_id": "a1", "uri": f"spotify:track:{item}"}
    return LibraryEntry(item=item, **{**told, **more})  # type: ignore[arg-type]


@pytest.fixture
def library(clickhouse: ClickHouse) -> ClickHouseLibrary:
    return ClickHouseLibrary(clickhouse)


@pytest.fixture
def listener(clickhouse: ClickHouse) -> int:
    return Listeners(clickhouse).add("Ada", "Europe/Berlin").id


def rows(library: ClickHouseLibrary, clickhouse: ClickHouse) -> dict[str, tuple[object, ...]]:
    sql = (
        "SELECT item, position, toUnixTimestamp64Milli(seen_at), toUnixTimestamp64Milli(removed_at), title "
        "FROM library_items FINAL"
    )
    return {item: tuple(row) for item, *row in clickhouse.query(sql)}


def written(clickhouse: ClickHouse) -> int:
    """Rows, each version counted, as far as no merge took them."""
    return int(clickhouse.scalar("SELECT count() FROM library_items"))


def note(library: ClickHouseLibrary, listener: int, shelf: Shelf, version: int, at: int = T) -> None:
    library.looked(listener, shelf, Look(looked_at=at, whole_at=at, total=3, version=version))


def test_a_list_comes_changes_goes_and_comes_back(
    library: ClickHouseLibrary, listener: int, clickhouse: ClickHouse
) -> None:
    first = [entry("x", added_at=T - DAY), entry("y"), entry("z")]
    one = library.synchronise(listener, SAVED, first, whole=True, looked_at=T)
    assert {e.item for e in one.entries} == {"x", "y", "z"}
    assert library.standing(listener, SAVED) == {"x": T - DAY, "y": None, "z": None}
    note(library, listener, SAVED, one.version)

    two = library.synchronise(listener, SAVED, [entry("x"), entry("w")], whole=True, looked_at=T + DAY)
    assert {e.item: e.removed_at for e in two.entries} == {"w": None, "y": T + DAY, "z": T + DAY}
    assert two.version > one.version
    note(library, listener, SAVED, two.version)
    assert rows(library, clickhouse)["y"] == (0, T, T + DAY, "Song y")

    three = library.synchronise(
        listener, SAVED, [entry("x"), entry("w"), entry("y")], whole=True, looked_at=T + 2 * DAY
    )
    assert [(e.item, e.seen_at, e.removed_at) for e in three.entries] == [("y", T, None)]
    assert library.standing(listener, SAVED).keys() == {"x", "w", "y"}
    assert rows(library, clickhouse)["z"] == (0, T, T + DAY, "Song z")  # gone since then, and not anew


def test_what_did_not_change_is_not_written(library: ClickHouseLibrary, listener: int, clickhouse: ClickHouse) -> None:
    listed = [entry("x", position=1), entry("y", position=2), entry("x", position=3)]
    one = library.synchronise(listener, SHORT, listed, whole=True, looked_at=T)
    note(library, listener, SHORT, one.version)
    before = written(clickhouse)
    again = library.synchronise(listener, SHORT, listed, whole=True, looked_at=T + DAY)
    assert (again.entries, again.version) == ([], one.version)
    assert written(clickhouse) == before == 2
    moved = library.synchronise(
        listener, SHORT, [entry("y", position=1), entry("x", position=2)], whole=True, looked_at=T + DAY
    )
    assert {(e.item, e.position) for e in moved.entries} == {("y", 1), ("x", 2)}
    gone = library.synchronise(listener, SHORT, [entry("x", position=2)], whole=True, looked_at=T + 2 * DAY)
    assert {(e.item, e.position, e.removed_at) for e in gone.entries if e.removed_at} == {("y", 1, T + 2 * DAY)}


def test_a_part_of_a_list_takes_nothing_away(library: ClickHouseLibrary, listener: int) -> None:
    library.synchronise(listener, SAVED, [entry("x"), entry("y")], whole=True, looked_at=T)
    library.synchronise(listener, SAVED, [entry("w")], whole=False, looked_at=T + DAY)
    assert library.standing(listener, SAVED).keys() == {"w", "x", "y"}


def test_one_list_is_not_another(library: ClickHouseLibrary, listener: int, clickhouse: ClickHouse) -> None:
    other = Listeners(clickhouse).add("Bo", "Europe/Berlin").id
    medium = Shelf("top-track", "medium")
    for whose, shelf in ((listener, SHORT), (listener, medium), (other, SHORT)):
        library.synchronise(whose, shelf, [entry("x", position=1)], whole=True, looked_at=T)
    library.synchronise(listener, SHORT, [], whole=True, looked_at=T + DAY)
    assert not library.standing(listener, SHORT)
    assert library.standing(listener, medium).keys() == library.standing(other, SHORT).keys() == {"x"}
    note(library, listener, SHORT, 5)
    assert library.looks(listener) == {SHORT: Look(looked_at=T, whole_at=T, total=3, version=5)}
    assert library.looks(other) == {}


def test_what_was_stored_and_not_published_comes_with_the_next_look(library: ClickHouseLibrary, listener: int) -> None:
    one = library.synchronise(listener, SAVED, [entry("x"), entry("y")], whole=True, looked_at=T)
    note(library, listener, SAVED, one.version)
    library.synchronise(listener, SAVED, [entry("x"), entry("y"), entry("z")], whole=True, looked_at=T + DAY)
    # killed here: neither published nor noted
    after = library.synchronise(
        listener, SAVED, [entry("x"), entry("y"), entry("z")], whole=True, looked_at=T + 2 * DAY
    )
    assert [(e.item, e.seen_at) for e in after.entries] == [("z", T + DAY)]
    assert after.version > one.version
    note(library, listener, SAVED, after.version)
    assert not library.synchronise(listener, SAVED, [entry("x")], whole=False, looked_at=T + 3 * DAY).entries


def test_nothing_is_written_of_an_erased_listener_and_an_erasure_takes_all(
    library: ClickHouseLibrary, listener: int, clickhouse: ClickHouse
) -> None:
    library.synchronise(listener, SAVED, [entry("x")], whole=True, looked_at=T)
    note(library, listener, SAVED, 1)
    counts = erase_listener(clickhouse, listener)
    assert (counts["library_items"], counts["library_looks"]) == (1, 1)
    late = library.synchronise(listener, SAVED, [entry("x"), entry("y")], whole=True, looked_at=T + DAY)
    assert not late.entries
    note(library, listener, SAVED, late.version)
    rest = held(clickhouse, listener).rows
    assert (rest["library_items"], rest["library_looks"]) == (0, 0)


def test_what_is_no_longer_told_stays_known() -> None:
    known = entry("x", isrc="DE1", image_url="https://i.scdn.co/1", added_at=T, seen_at=T)
    bare = LibraryEntry(item="x")
    assert differing({"x": known}, [bare], True, T + 1) == []
    newer = msgspec.structs.replace(bare, image_url="https://i.scdn.co/2", added_at=T + 5)
    (changed,) = differing({"x": known}, [newer], True, T + 1)
    assert (changed.isrc, changed.image_url, changed.added_at, changed.seen_at) == (
        "DE1", "https://i.scdn.co/2", T + 5, T,
    )  # fmt: skip
