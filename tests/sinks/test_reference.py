"""The reference data's caches: what they see, how soon, and how much they keep."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

import pytest

from sinks import reference as module
from sinks.bounded import Bounded
from sinks.catalog import ClickHouseCatalog
from sinks.changes import READ, Changes
from sinks.clickhouse import ClickHouse, ClickHouseSettings, Rows
from sinks.erase import erase_listener
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.contracts.events import ArtistDescribed
from streams.contracts.tables import IMPORT_ROWS
from tests.support.rows import sighting, sightings_table

NOW_MS = 1_750_000_000_000


def described(id_: str, name: str, popularity: int | None = None, source: str = "spotify") -> ArtistDescribed:
    return ArtistDescribed(source=source, id=id_, name=name, described_at=NOW_MS, popularity=popularity)


def put(ch: ClickHouse, *artists: ArtistDescribed, genre: str = "pop") -> None:
    ClickHouseCatalog(ch).put_artists(artists, [(genre, genre)] * len(artists))


class Asked(ClickHouse):
    """Counts the questions to the database."""

    asked: int = 0

    def query(self, *args: Any, **options: Any) -> Rows:
        self.asked += 1
        return super().query(*args, **options)


@pytest.fixture
def asked(clickhouse: ClickHouse) -> Asked:
    return Asked(clickhouse.settings)


def names(ch: ClickHouse, reference: ClickHouseReference, *folded: str) -> dict[str, list[str]]:
    return {name: [one.artist_id for one in some] for name, some in reference.artists_by_name(folded).items()}


# Changes: which rows may have changed


def changes(ch: ClickHouse) -> Changes:
    ch.command("CREATE TABLE things (id UInt64, version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY id")
    return Changes(ch, "things", ("id",))


def insert(ch: ClickHouse, *ids: int, version: int = 1) -> None:
    ch.insert("things", ("id", "version"), [(id_, version) for id_ in ids])


def test_only_new_rows_are_told_whatever_their_version(clickhouse: ClickHouse) -> None:
    look = changes(clickhouse)
    assert look.since_last() == []
    insert(clickhouse, 1, 2, version=1000)
    assert look.since_last() == [(1,), (2,)]
    assert look.since_last() == []
    insert(clickhouse, 2, version=1)  # by a process whose clock is far behind
    assert look.since_last() == [(2,)]


def test_a_merge_changes_nothing_and_hides_nothing(clickhouse: ClickHouse) -> None:
    look = changes(clickhouse)
    insert(clickhouse, 1)
    insert(clickhouse, 2)
    look.since_last()
    clickhouse.command("OPTIMIZE TABLE things FINAL")
    assert look.since_last() == []
    insert(clickhouse, 3)
    clickhouse.command("OPTIMIZE TABLE things FINAL")  # the new row lies in a part with the old ones
    told = look.since_last()
    assert told is not None
    assert (3,) in told


def test_what_cannot_be_told_is_everything(clickhouse: ClickHouse) -> None:
    look = changes(clickhouse)
    insert(clickhouse, 1, 2, 3)
    look.since_last()
    clickhouse.command("ALTER TABLE things DELETE WHERE id = 2 SETTINGS mutations_sync = 2")
    assert look.since_last() is None
    assert look.since_last() == []
    clickhouse.command("TRUNCATE TABLE things")
    assert look.since_last() is None
    clickhouse.command(f"INSERT INTO things SELECT number, 1 FROM numbers({READ + 1})")
    assert look.since_last() is None
    assert look.since_last() == []


def test_each_mutation_of_a_part_is_one_more_change(clickhouse: ClickHouse) -> None:
    look = changes(clickhouse)
    insert(clickhouse, 1, 2, 3)
    look.since_last()
    for gone in (1, 2):
        clickhouse.command("ALTER TABLE things DELETE WHERE id = {id:UInt64} SETTINGS mutations_sync = 2", {"id": gone})
        assert look.since_last() is None
        assert look.since_last() == []
    insert(clickhouse, 4)
    assert look.since_last() == [(4,)]
    clickhouse.command("OPTIMIZE TABLE things FINAL")
    assert look.since_last() is not None  # a merge of a mutated part loses nothing


# Bounded: how much is kept


def test_what_was_used_longest_ago_goes_first() -> None:
    kept: Bounded[str, int] = Bounded(3, 10**6, lambda key, value: 1)
    kept.put([("a", 1), ("b", 2), ("c", 3)])
    assert kept.get(["a", "x"]) == ({"a": 1}, ["x"])
    kept.put([("d", 4)])
    assert [key for key, _ in kept.items()] == ["c", "a", "d"]
    kept.drop("a")
    kept.drop("nobody")
    assert (len(kept), kept.weight) == (2, 2)


def test_bytes_bound_it_too() -> None:
    kept: Bounded[int, str] = Bounded(10**6, 1000, lambda _, value: len(value))
    kept.put((number, "x" * 99) for number in range(50))
    assert (len(kept), kept.weight) == (10, 990)
    kept.put([(49, "y" * 500)])
    assert kept.weight <= 1000
    assert kept.get([49])[0] == {49: "y" * 500}
    kept.clear()
    assert (len(kept), kept.weight) == (0, 0)


# The reference itself


def test_within_its_second_nothing_is_asked_twice_and_then_only_what_changed(
    asked: Asked, stopping: threading.Event
) -> None:
    put(asked, described("1", "One"), described("2", "Two"))
    reference = ClickHouseReference(asked, stopping, fresh_s=3600)
    wanted = ["1", "2", "absent"]
    before = reference.artists_by_id(wanted)
    count = asked.asked
    put(asked, described("1", "One"), genre="rock")
    count = asked.asked
    assert reference.artists_by_id(wanted) == before
    assert asked.asked == count  # from memory, the absent one too
    reference.forget(7)
    after = reference.artists_by_id(wanted)
    assert (after["1"].genre, after["2"].genre) == ("rock", "pop")
    assert asked.asked == count + 3  # the parts, the new rows' keys, the one artist


def test_a_change_is_seen_within_the_second(clickhouse: ClickHouse, stopping: threading.Event) -> None:
    reference = ClickHouseReference(clickhouse, stopping, fresh_s=0.2)
    assert names(clickhouse, reference, "björk") == {}
    put(clickhouse, described("b", "Björk"))
    found: dict[str, list[str]] = {}
    for _ in range(30):
        if found := names(clickhouse, reference, "björk"):
            break
        threading.Event().wait(0.05)
    assert found == {"björk": ["b"]}


def test_a_renamed_artist_is_found_by_the_new_name_alone(
    clickhouse: ClickHouse, reference: ClickHouseReference
) -> None:
    put(clickhouse, described("k", "Kanye West", 90), described("o", "Ye", 1))
    assert names(clickhouse, reference, "kanye west", "ye") == {"kanye west": ["k"], "ye": ["o"]}
    put(clickhouse, described("k", "Ye", 90))
    assert names(clickhouse, reference, "kanye west", "ye") == {"ye": ["k", "o"]}
    fresh = ClickHouseReference(clickhouse, threading.Event(), fresh_s=0)
    assert names(clickhouse, fresh, "kanye west", "ye") == {"ye": ["k", "o"]}


def test_a_name_of_one_source_finds_what_another_knows_of_the_artist(
    clickhouse: ClickHouse, reference: ClickHouseReference
) -> None:
    put(clickhouse, described("b", "Björk", source="spotify"), genre="electronic")
    put(clickhouse, described("b", "Bjork", source="file"), genre="unknown")
    (found,) = reference.artists_by_name(["bjork"])["bjork"]
    assert (found.name, found.genre) == ("Björk", "electronic")


def test_a_description_of_a_clock_that_is_ahead_is_replaced(
    clickhouse: ClickHouse, reference: ClickHouseReference
) -> None:
    put(clickhouse, described("1", "One"))
    clickhouse.command("INSERT INTO artists SELECT * REPLACE (version + 3600000000 AS version) FROM artists FINAL")
    put(clickhouse, described("1", "One"), genre="rock")
    assert reference.artists_by_id(["1"])["1"].genre == "rock"


def test_whose_plays_would_be_refused_is_never_answered_from_memory(
    clickhouse: ClickHouse, stopping: threading.Event
) -> None:
    reference, people = ClickHouseReference(clickhouse, stopping, fresh_s=3600), Listeners(clickhouse)
    ada = people.add("Ada", "UTC")
    assert set(reference.listeners([ada.id, 4])) == {ada.id}
    ben = people.add("Ben", "UTC")
    assert set(reference.listeners([ada.id, ben.id])) == {ada.id, ben.id}
    people.remove("Ada")
    assert reference.listeners([ada.id])[ada.id].erased_at is None  # as long as nobody says so
    reference.forget(ada.id)
    assert reference.listeners([ada.id])[ada.id].erased_at is not None
    erase_listener(clickhouse, ada.id)
    assert reference.listeners([ada.id])[ada.id].name == ""


def test_more_keys_than_are_kept_are_answered_all_the_same(
    clickhouse: ClickHouse, stopping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENTRIES", 10)
    put(clickhouse, *(described(str(number), f"Name {number}") for number in range(40)))
    reference = ClickHouseReference(clickhouse, stopping)
    wanted: Collection[str] = [str(number) for number in range(50)]
    for _ in range(2):
        assert set(reference.artists_by_id(wanted)) == set(wanted[:40])  # type: ignore[index]
    assert len(reference.artists_by_name([f"name {number}" for number in range(40)])) == 40


def test_over_http_it_says_the_same(clickhouse: ClickHouse, stopping: threading.Event, http_url: str) -> None:
    http = ClickHouse(ClickHouseSettings(url=http_url, database=clickhouse.database))
    reference = ClickHouseReference(http, stopping, fresh_s=0)
    put(clickhouse, described("1", "One"))
    assert names(http, reference, "one") == {"one": ["1"]}
    put(http, described("2", "ONE", 5))
    assert names(http, reference, "one") == {"one": ["2", "1"]}
    http.close()


def test_a_poll_says_whose_a_track_is_and_an_export_does_not(
    clickhouse: ClickHouse, store: Writer, reference: ClickHouseReference
) -> None:
    polled, exported = "spotify:track:0000000000000000000001", "spotify:track:0000000000000000000002"
    assert reference.artists_of_tracks([polled]) == {}
    rows = sightings_table(
        sighting(7, uri=polled, artist_names=["Nirvana", "Guest"], artist_ids=["n", "g"]),
        sighting(8, uri=exported, artist_names=["Nirvana"], artist_ids=[""]),
    )
    for _ in range(2):  # a replay says it again
        store.write_sightings(rows, IMPORT_ROWS.empty_table())
    assert reference.artists_of_tracks([polled, exported]) == {polled: ("n", "g")}


def test_whose_plays_a_new_description_concerns(clickhouse: ClickHouse) -> None:
    catalog = ClickHouseCatalog(clickhouse)

    def concerned(artist: ArtistDescribed, genre: str = "rock") -> tuple[set[str], set[str]]:
        changed = catalog.put_artists([artist], [(genre, genre)])
        return set(changed.names), set(changed.ids)

    assert concerned(described("n", "Nirvana", 80)) == ({"nirvana"}, {"n"})
    assert concerned(described("n", "Nirvana", 80)) == (set(), set())
    assert concerned(described("n", "Nirvana", 81)) == (set(), set())  # nobody else has the name
    assert concerned(described("n", "Nirvana", 81), "grunge") == ({"nirvana"}, {"n"})
    assert concerned(described("uk", "NIRVANA", 30)) == ({"nirvana"}, {"uk"})
    assert concerned(described("uk", "Nirvana", 99), "rock") == ({"nirvana"}, set())  # now the most popular
    assert concerned(described("uk", "Nirvana 67", 99)) == ({"nirvana", "nirvana 67"}, {"uk"})
