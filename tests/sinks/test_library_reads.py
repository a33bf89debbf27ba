"""The library against the plays: the views and the reads say the same, the right, and only of one listener."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sinks.clickhouse import ClickHouse
from sinks.listeners import Listeners
from sinks.reader import Reader
from sinks.reads import library
from sinks.reference import ClickHouseReference
from sinks.rollup import Rollup
from sinks.rows import ListenerRow
from sinks.writer import Writer
from streams.contracts.ids import to_hex
from streams.pipeline import Pipeline
from tests.streams.worlds import heard, records
from tests.support.library import favourite, followed, keep, saved
from tests.support.rows import NOON, NOON_MS, play, plays_table

DAY = 86_400_000
VIEWS = (
    "v_library", "v_library_looks", "v_favourites", "v_saved_tracks", "v_liked_never_played", "v_followed_artists",
    "v_followed_dropped", "v_library_mainstream",
)  # fmt: skip


@pytest.fixture
def ada(clickhouse: ClickHouse) -> ListenerRow:
    return Listeners(clickhouse).add("Ada", "Europe/Berlin")


@pytest.fixture
def bob(clickhouse: ClickHouse) -> ListenerRow:
    return Listeners(clickhouse).add("Bob", "Europe/Berlin")


def never(clickhouse: ClickHouse, reader: Reader, listener: int) -> list[str]:
    """The items that are liked and never played; read and view agree where the rollup is not behind."""
    found = reader.never_played(listener, 500)
    assert found.never_played == len(found.rows)
    Rollup(clickhouse).tick()
    assert reader.never_played(listener, 500) == found, "the same with and without the rollup"
    items = sorted(row.item for row in found.rows)
    view = "SELECT item FROM v_liked_never_played WHERE listener = {l:UInt64} ORDER BY item"
    assert [item for (item,) in clickhouse.query(view, {"l": listener})] == items
    return items


@pytest.mark.parametrize("at_once", [10_000, 1])
def test_liked_and_never_played(
    clickhouse: ClickHouse,
    store: Writer,
    reader: Reader,
    ada: ListenerRow,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "_AT_ONCE", at_once)
    tracks: dict[str, tuple[str, dict[str, Any] | None]] = {
        "same": ("One", {"uri": "spotify:track:same", "title": "One"}),
        "named": ("Two", {"uri": "", "title": "TWO", "artist": "ANN"}),  # an old export: names only
        "relinked": ("Three", {"uri": "spotify:track:other", "title": "Three", "artist_id": "A"}),
        "renamed": ("Four", {"uri": "spotify:track:renamed", "title": "Four - Remastered", "artist": "Various"}),
        "skipped": ("Five", {"uri": "spotify:track:skipped", "title": "Five", "ms_played": 4000}),
        "namesake": ("Six", {"uri": "spotify:track:x", "title": "Six", "artist": "Somebody"}),
        "hidden": ("Seven", {"uri": "spotify:track:hidden", "title": "Seven", "hidden": True}),
        "merged": ("Eight", {"uri": "spotify:track:y", "title": "8", "counts_as": "spotify:track:y"}),
        "unheard": ("Nine", None),
        "gone": ("Ten", None),
    }  # fmt: skip
    clickhouse.insert(
        "corrections",
        ("listener", "kind", "subject", "version", "is_deleted", "target", "ids", "keys", "label", "made_at"),
        [(ada.id, "merge", "spotify:track:merged", 1, 0, "spotify:track:y", [], [], "Eight", NOON)],
    )
    store.write_plays(
        plays_table(
            *(
                play(ada.id, NOON_MS + n * DAY, **{"artist": "Ann", **said})
                for n, (_, said) in enumerate(tracks.values())
                if said is not None
            )
        )
    )
    keep(
        clickhouse,
        [
            saved(ada.id, item, title, artist_id="A", added_at=NOON + timedelta(days=n), removed_at=gone)
            for n, (item, (title, _)) in enumerate(tracks.items())
            for gone in [NOON if item == "gone" else None]
        ],
    )
    assert never(clickhouse, reader, ada.id) == ["hidden", "namesake", "skipped", "unheard"]
    found = reader.never_played(ada.id, 1)
    assert (found.saved, found.never_played, [row.item for row in found.rows]) == (9, 4, ["unheard"])
    assert found.rows[0].added_at == NOON + timedelta(days=8)
    rows = clickhouse.query("SELECT item, plays, last_at FROM v_saved_tracks ORDER BY item")
    plays: dict[str, Any] = {item: (count, last) for item, count, last in rows}
    assert plays["relinked"] == (1, NOON + timedelta(days=2))
    assert plays["unheard"] == (0, None)
    # what counts is the listener's own setting
    Listeners(clickhouse).set(to_hex(ada.id), min_ms_played=1000)
    assert reader.never_played(ada.id).never_played == 3


def test_a_play_that_is_taken_back_makes_the_track_unheard_again(
    clickhouse: ClickHouse, store: Writer, reader: Reader, ada: ListenerRow
) -> None:
    keep(clickhouse, [saved(ada.id, "one", "Other name")])
    said = play(ada.id, uri="spotify:track:one", title="One", artist="Ann")
    store.write_plays(plays_table(said))
    assert never(clickhouse, reader, ada.id) == []
    store.write_plays(plays_table({**said, "version": 2, "is_deleted": 1}))
    assert never(clickhouse, reader, ada.id) == ["one"]


def test_followed_and_dropped(clickhouse: ClickHouse, store: Writer, reader: Reader, ada: ListenerRow) -> None:
    """By days before the newest day with music: what was heard, and how an artist stands by that."""
    heard_on: dict[str, tuple[str, list[int]]] = {
        "Kept": ("heard", [0, 50, 400]),
        "Edge": ("heard", [89]),
        "Over": ("dropped", [90, 91]),
        "Long ago": ("dropped", [3000]),
        "Rarely": ("fading", [5, *range(100, 125)]),  # 25 in a year: 6 in 90 days were to be expected
        "Few": ("heard", [5, *range(100, 119)]),  # 19 are too few to tell
        "Unheard": ("never", []),
    }
    by_name = {"Edge", "Long ago"}  # their plays know no id
    store.write_plays(
        plays_table(
            *(
                play(ada.id, NOON_MS - back * DAY, artist=name, artist_id="" if name in by_name else f"id {name}")
                for name, (_, days) in heard_on.items()
                for back in days
            ),
            play(ada.id, NOON_MS + DAY - 60_000, artist="Over", artist_id="id Over", ms_played=4000),
        )
    )
    keep(
        clickhouse,
        [
            *(followed(ada.id, f"id {name}", name) for name in heard_on),
            followed(ada.id, "id Gone", "Gone", removed_at=NOON),
        ],
    )
    found = reader.followed(ada.id, 500)
    states = {name: state for name, (state, _) in heard_on.items()}
    assert {row.artist: row.state for row in found.rows} == {n: s for n, s in states.items() if s != "heard"}
    assert (found.followed, found.heard, found.fading, found.dropped, found.never) == (7, 3, 1, 2, 1)
    assert [row.artist for row in found.rows] == ["Rarely", "Over", "Long ago", "Unheard"]
    over = found.rows[1]
    assert (over.plays, over.plays_recent, over.plays_before, over.last_at) == (2, 0, 2, NOON - timedelta(days=90))
    assert [row.artist for row in reader.followed(ada.id, 1).rows] == ["Rarely"]
    Rollup(clickhouse).tick()
    assert reader.followed(ada.id, 500) == found, "the same with and without the rollup"
    view = "SELECT artist, state, plays, plays_recent, plays_before, last_at FROM v_followed_artists"
    rows = clickhouse.query(f"{view} WHERE listener = {{l:UInt64}}", {"l": ada.id})
    assert {row[0]: row[1] for row in rows} == states
    assert {row[:1] + row[2:] for row in rows if row[1] != "heard"} == {
        (row.artist, row.plays, row.plays_recent, row.plays_before, row.last_at) for row in found.rows
    }
    dropped = clickhouse.query("SELECT artist FROM v_followed_dropped ORDER BY plays DESC")
    assert [name for (name,) in dropped] == ["Rarely", "Over", "Long ago"]


def test_favourites_over_three_ranges(clickhouse: ClickHouse, reader: Reader, ada: ListenerRow) -> None:
    places: dict[str, tuple[int, int, int]] = {
        "risen": (1, 4, 9),
        "steady": (2, 2, 50),
        "fallen": (3, 1, 1),
        "new": (4, 0, 0),
        "of the year": (5, 0, 30),
        "left": (0, 3, 2),
        "long left": (0, 0, 3),
    }
    rows = [
        favourite(ada.id, "top-artist", span, position, item, artist=item)
        for item, positions in places.items()
        for span, position in zip(("short", "medium", "long"), positions, strict=True)
        if position
    ]
    gone = favourite(ada.id, "top-artist", "short", 6, "gone", artist="gone", removed_at=NOON)
    track = favourite(ada.id, "top-track", "short", 1, "track", title="One", artist="Ann", artist_id="A")
    keep(clickhouse, [*rows, gone, track])
    found = reader.favourites(ada.id, "top-artist")
    assert [(row.item, row.trend, row.places) for row in found] == [
        ("risen", "risen", 3), ("steady", "steady", 0), ("fallen", "fallen", -2), ("new", "new", None),
        ("of the year", "risen", 25), ("left", "left", None), ("long left", "left", None),
    ]  # fmt: skip
    for row in found:
        assert (row.short or 0, row.medium or 0, row.long or 0) == places[row.item]
    assert [row.item for row in reader.favourites(ada.id, "top-artist", 2)] == ["risen", "steady"]
    assert [(row.title, row.artist_id) for row in reader.favourites(ada.id, "top-track")] == [("One", "A")]
    looks = [(row.kind, row.time_range, row.total) for row in reader.library_looks(ada.id)]
    assert looks == [
        ("top-artist", "short", 5), ("top-artist", "medium", 4), ("top-artist", "long", 6), ("top-track", "short", 1)
    ]  # fmt: skip


def test_how_well_known_the_library_is(clickhouse: ClickHouse, store: Writer, reader: Reader, ada: ListenerRow) -> None:
    rated = {"N": 0, "R": 39, "K": 40, "P": 60, "S": 100}
    clickhouse.insert(
        "artists",
        ("artist_id", "source", "version", "name", "popularity"),
        [(item, "f", 1, item, popularity) for item, popularity in rated.items()] + [("U", "f", 1, "U", None)],
    )
    store.write_plays(
        plays_table(*(play(ada.id, NOON_MS + n * DAY, artist_id=item, artist=item) for n, item in enumerate("SSSU")))
    )
    keep(
        clickhouse,
        [*(followed(ada.id, item, item) for item in "NRKPSU"), saved(ada.id, "one", "One", artist_id="U")],
    )
    found = {row.what: row for row in reader.well_known(ada.id)}
    assert list(found) == ["plays", "followed-artist", "saved-track"]
    plays, artists, tracks = found.values()
    assert (plays.items, plays.coverage, plays.index, plays.mainstream, plays.star) == (4, 0.75, 100, 1, 3)
    assert (artists.items, artists.coverage) == (6, round(5 / 6, 4))
    assert (artists.index, artists.mainstream) == (round(239 / 5, 2), 0.4)
    assert (artists.niche, artists.rising, artists.known, artists.popular, artists.star) == (1, 1, 1, 1, 1)
    assert (tracks.items, tracks.coverage, tracks.index, tracks.mainstream) == (1, 0, None, None)
    Rollup(clickhouse).tick()
    rows = clickhouse.query(
        "SELECT what, items, round(coverage, 4), round(mainstream_index, 2), round(mainstream_share, 4), niche, "
        "rising, known, popular, star FROM v_library_mainstream"
    )
    assert {row[0]: row[1:] for row in rows} == {
        what: (
            row.items, row.coverage, row.index, row.mainstream, row.niche, row.rising, row.known, row.popular, row.star
        )
        for what, row in found.items()
    }  # fmt: skip


def test_nothing_is_known_of_a_library_that_nobody_looked_at(store: Writer, reader: Reader, ada: ListenerRow) -> None:
    store.write_plays(plays_table(play(ada.id)))
    assert reader.library_looks(ada.id) == []
    assert reader.favourites(ada.id, "top-track") == []
    assert (reader.never_played(ada.id).saved, reader.never_played(ada.id).rows) == (0, ())
    assert reader.followed(ada.id).followed == 0
    assert [row.what for row in reader.well_known(ada.id)] == ["plays"]


def test_a_library_without_plays(clickhouse: ClickHouse, reader: Reader, ada: ListenerRow) -> None:
    keep(clickhouse, [saved(ada.id, "one", "One"), followed(ada.id, "A", "Ann")])
    assert never(clickhouse, reader, ada.id) == ["one"]
    assert [row.state for row in reader.followed(ada.id).rows] == ["never"]
    assert {row.what for row in reader.well_known(ada.id)} == {"saved-track", "followed-artist"}


def test_another_listeners_library_and_plays_are_never_shown(
    clickhouse: ClickHouse, store: Writer, reader: Reader, ada: ListenerRow, bob: ListenerRow
) -> None:
    keep(
        clickhouse,
        [
            saved(ada.id, "one", "One"),
            followed(ada.id, "A", "Ann"),
            favourite(ada.id, "top-track", "short", 1, "one"),
            saved(bob.id, "two", "Two"),
            followed(bob.id, "B", "Ben"),
            favourite(bob.id, "top-track", "short", 1, "two"),
        ],
    )
    store.write_plays(plays_table(play(bob.id, uri="spotify:track:one", title="One", artist="Ann", artist_id="A")))
    assert never(clickhouse, reader, ada.id) == ["one"], "it was Bob who played it"
    assert [row.state for row in reader.followed(ada.id).rows] == ["never"]
    assert [row.item for row in reader.favourites(ada.id, "top-track")] == ["one"]
    assert "plays" not in {row.what for row in reader.well_known(ada.id)}
    assert never(clickhouse, reader, bob.id) == ["two"]
    for view in VIEWS:
        rows = clickhouse.query(f"SELECT * FROM {view} WHERE listener = {{l:UInt64}}", {"l": ada.id})
        assert not {"two", "B", "Ben"} & {cell for row in rows for cell in row}, view


def test_replaying_any_part_of_the_log_changes_no_figure(
    clickhouse: ClickHouse, store: Writer, reference: ClickHouseReference, reader: Reader, ada: ListenerRow
) -> None:
    log = records(
        [
            heard(n * 90_000, listener=to_hex(ada.id), title=f"Song {n % 5}", uri=f"spotify:track:{n % 5:022d}")
            for n in range(40)
        ]
    )
    rows = [saved(ada.id, f"{n:022d}", f"Song {n}") for n in range(3, 8)]
    rows += [followed(ada.id, "J", "John Coltrane"), favourite(ada.id, "top-track", "short", 1, "one")]
    keep(clickhouse, rows)
    Pipeline(store, reference).run(log)
    rollup = Rollup(clickhouse)
    rollup.tick()

    def figures() -> dict[str, Any]:
        kept: dict[str, Any] = {
            view: sorted(map(str, clickhouse.query(f"SELECT * FROM {view}"))) for view in VIEWS
        }  # fmt: skip
        reads = (reader.never_played, reader.followed, reader.well_known)
        return kept | {read.__name__: read(ada.id) for read in reads}

    before = figures()
    assert before["never_played"].never_played == 3
    for part in (log, log[7:19], log[::-1], [log[3]] * 3):
        Pipeline(store, reference).run(part)  # another worker, which remembers nothing
        keep(clickhouse, rows)
        rollup.tick()
        assert figures() == before
