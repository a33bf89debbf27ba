"""The daily rollup says what the plays say, whatever happened to them and wherever it was stopped."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from sinks import rollup as rolling
from sinks.clickhouse import ClickHouse
from sinks.erase import erase_listener
from sinks.listeners import Listeners
from sinks.reader import Reader
from sinks.rollup import Day, Rollup, looks, parts
from sinks.rows import ListenerRow
from sinks.times import next_version
from sinks.windows import Window
from sinks.writer import Writer
from tests.support.rows import NOON, NOON_MS, play, plays_table

HOUR = 3_600_000
DAY = 24 * HOUR
ALL = Window("all", None, None)

DAY_COLUMNS = ("day", "plays", "ms", "first_at", "last_at", "season")
GENRES = ("jazz", "rock", "unknown", "")
ARTISTS = (("Björk", ""), ("björk", ""), ("Sigur Rós", "6U"), ("Sigur Ros", "6U"), ("", ""))


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many days are made at once, and not only when nothing more is stored."""
    monkeypatch.setattr(rolling, "PATIENCE", 0.0)


@pytest.fixture
def ada(clickhouse: ClickHouse) -> ListenerRow:
    return Listeners(clickhouse).add("Ada", "Europe/Berlin")


@pytest.fixture
def rollup(clickhouse: ClickHouse) -> Rollup:
    return Rollup(clickhouse)


def some_play(dice: random.Random, listener: int, number: int, **said: Any) -> dict[str, Any]:
    artist, artist_id = dice.choice(ARTISTS)
    return play(
        listener,
        NOON_MS + number * 7 * HOUR + dice.randrange(HOUR),
        **{
            "artist": artist, "artist_id": artist_id, "title": f"Song {dice.randrange(6)}",
            "uri": f"spotify:track:{dice.randrange(6)}", "album": dice.choice(("", "Debut", "Post")),
            "genre": dice.choice(GENRES), "ms_played": dice.choice((None, 10_000, 30_000, 200_000)),
            "incognito": dice.choice((None, True, False)), "reason_end": dice.choice(("", "trackdone", "fwdbtn")),
            "image_url": dice.choice(("", "https://i.example/1")), "version": next_version(), "hidden": False,
            "counts_as": "",
            **said,
        },
    )  # fmt: skip


def raw(ch: ClickHouse, listener: int) -> dict[str, Any]:
    """The figures by day, and by thing and day, counted from the plays alone, by Python."""
    plays = ch.query_dicts(
        "SELECT local_date, local_hour, genre, season, play_id, ended_at, ms_heard, "
        "if(artist_key != '', cityHash64(artist_key), NULL) AS artists, "
        "if(track_key != '', cityHash64(track_key), NULL) AS tracks, "
        "if(album != '', cityHash64(artist_key, lowerUTF8(album)), NULL) AS albums "
        "FROM v_counted_plays WHERE listener = {l:UInt64}",
        {"l": listener},
    )

    def by(*keys: str, ends: bool = False) -> list[tuple[Any, ...]]:
        """For each day and key, ascending: plays, milliseconds, and with `ends` the first and the last end."""
        groups = defaultdict(list)
        for one in plays:
            if None not in (key := tuple(one[name] for name in ("local_date", *keys))):
                groups[key].append(one)
        return [
            (
                *key, len(some), sum(one["ms_heard"] for one in some),
                *((min(one["ended_at"] for one in some), max(one["ended_at"] for one in some)) if ends else ()),
            )
            for key, some in sorted(groups.items())
        ]  # fmt: skip

    newest = {one["local_date"]: one["season"] for one in sorted(plays, key=lambda one: int(one["play_id"]))}
    return {
        "days": [(*day, newest[day[0]]) for day in by(ends=True)],
        "hours": by("local_hour"),
        "genres": by("genre"),
        **{what: by(what, ends=True) for what in ("artists", "tracks", "albums")},
    }


def rolled(ch: ClickHouse, listener: int) -> dict[str, Any]:
    """The same from the rollup."""
    rows = ch.query_dicts(
        "SELECT day, plays, ms, first_at, last_at, season, hours, hours_ms, genres, artists, tracks, albums "
        "FROM listener_days FINAL WHERE listener = {l:UInt64} ORDER BY day",
        {"l": listener},
    )
    return {
        "days": [tuple(row[name] for name in DAY_COLUMNS) for row in rows if row["plays"]],
        "hours": [
            (row["day"], hour, plays, ms)
            for row in rows
            for hour, (plays, ms) in enumerate(zip(row["hours"], row["hours_ms"], strict=True))
            if plays
        ],
        **{
            what: [
                (row["day"], *some[:size]) for row in rows for some in sorted(tuple(one.values()) for one in row[what])
            ]
            for what, size in (("genres", 3), ("artists", 5), ("tracks", 5), ("albums", 5))
        },
    }


def answers(reader: Reader, listener: int, window: Window) -> dict[str, Any]:
    """Every read that the rollup serves."""
    asked: dict[str, Callable[[Window], Any]] = {
        "artists": lambda w: reader.top(listener, "artists", w, limit=500),
        "tracks": lambda w: reader.top(listener, "tracks", w, limit=500),
        "albums": lambda w: reader.top(listener, "albums", w, limit=500),
        "genres": lambda w: reader.top(listener, "genres", w, limit=500),
        "totals": lambda w: reader.totals(listener, w),
        "week": lambda w: reader.week(listener, w),
        "evolution": lambda w: reader.evolution(listener, w, "season"),
        "discovery": lambda w: reader.discovery(listener, w, "week"),
    }
    return {name: read(window) for name, read in asked.items()}


def without_rollup(ch: ClickHouse, listener: int, window: Window) -> dict[str, Any]:
    """The answers where nothing was ever rolled up."""
    kept = ch.query("SELECT * FROM rollup_marks")
    ch.command("TRUNCATE TABLE rollup_marks")
    told = answers(Reader(ch), listener, window)
    ch.insert("rollup_marks", ("listener", "version", "rules", "until"), kept)
    return told


def settle(ch: ClickHouse) -> None:
    """As if SETTLE had passed since the last tick: reads believe the rollup alone."""
    ch.command("INSERT INTO rollup_marks SELECT listener, version + 1, rules, now64(3) FROM rollup_marks FINAL")


def held(ch: ClickHouse, listener: int, rollup: Rollup, window: Window = ALL) -> None:
    """The rollup catches up with the plays; reads say the same before, and when they believe the rollup alone."""
    truth, expected = raw(ch, listener), without_rollup(ch, listener, window)
    assert answers(Reader(ch), listener, window) == expected, "behind"
    rollup.tick()
    assert rolled(ch, listener) == truth
    settle(ch)
    assert answers(Reader(ch), listener, window) == expected, "settled"
    assert sum(row.plays for row in expected["week"]) == expected["totals"].plays
    if window is ALL:
        assert expected["totals"].plays == sum(day[1] for day in truth["days"])


def test_whatever_happens_to_plays(clickhouse: ClickHouse, store: Writer, ada: ListenerRow, rollup: Rollup) -> None:
    dice = random.Random(7)
    bob = Listeners(clickhouse).add("Bob", "Asia/Tokyo")
    plays = [some_play(dice, ada.id, n) for n in range(60)]
    store.write_plays(plays_table(*plays, *(some_play(dice, bob.id, n) for n in range(20))))
    held(clickhouse, ada.id, rollup)
    assert rollup.tick() == 0, "nothing is made twice"

    some_days = Window("w", NOON.date() + timedelta(days=2), NOON.date() + timedelta(days=9))

    def again(some: list[dict[str, Any]], **said: Any) -> None:
        for row in some:
            row |= {"version": next_version(), **said}
        store.write_plays(plays_table(*some))
        held(clickhouse, ada.id, rollup, some_days)

    for row in (moved := dice.sample(plays, 9)):
        row["local_date"] += timedelta(days=1)
        row["weekday"] = row["local_date"].isoweekday()
    again(moved, local_hour=0, genre="metal", artist_id="9X")
    again(dice.sample(plays, 9), hidden=True, counts_as="")
    again(dice.sample(plays, 9), hidden=False, counts_as="spotify:track:1")
    # the writer says of a removed play nothing but its id
    again(plays[10:30], is_deleted=1, local_date=NOON.date().replace(year=1970), genre="", artist="")
    assert clickhouse.scalar(
        "SELECT count() FROM listener_days FINAL WHERE listener = {l:UInt64} AND plays = 0 AND known = 0 "
        "AND length(hours) = 24 AND length(hours_ms) = 24",
        {"l": ada.id},
    ), "a day that was emptied has a row of zeros"
    clickhouse.command("OPTIMIZE TABLE plays FINAL")
    clickhouse.command("OPTIMIZE TABLE listener_days FINAL")
    store.write_plays(plays_table(*plays))  # a replay of what is known
    held(clickhouse, ada.id, rollup)
    held(clickhouse, bob.id, rollup)


def test_settings_that_change(clickhouse: ClickHouse, store: Writer, ada: ListenerRow, rollup: Rollup) -> None:
    dice = random.Random(8)
    store.write_plays(plays_table(*(some_play(dice, ada.id, n) for n in range(40))))
    held(clickhouse, ada.id, rollup)
    people = Listeners(clickhouse)
    seen = set()
    for change in ({"min_ms_played": 0, "count_incognito": True}, {"finished_only": True}):
        people.set("Ada", **change)
        held(clickhouse, ada.id, rollup)
        seen.add(Reader(clickhouse).totals(ada.id, ALL).plays)
    assert len(seen) == 2


def test_a_crash_in_the_middle(
    clickhouse: ClickHouse, store: Writer, ada: ListenerRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(9)
    monkeypatch.setattr(rolling, "AT_ONCE", 10)
    for steps in range(2):
        store.write_plays(plays_table(*(some_play(dice, ada.id, n) for n in range(40))))
        broken = Rollup(clickhouse)
        make, made = broken._make, iter(range(steps))

        def stop(*said: Any, make: Any = make, made: Iterator[int] = made) -> None:
            if next(made, None) is None:
                raise RuntimeError("killed")
            make(*said)

        monkeypatch.setattr(broken, "_make", stop)
        with pytest.raises(RuntimeError, match="killed"):
            broken.tick()
        expected = without_rollup(clickhouse, ada.id, ALL)
        assert answers(Reader(clickhouse), ada.id, ALL) == expected
    # rows were written and their mark was not
    unmarked = Rollup(clickhouse)
    monkeypatch.setattr(unmarked, "_mark", lambda *_, **__: None)
    unmarked.tick()
    held(clickhouse, ada.id, Rollup(clickhouse))


def test_while_plays_keep_coming(clickhouse: ClickHouse, store: Writer, ada: ListenerRow, rollup: Rollup) -> None:
    dice = random.Random(10)
    plays = [some_play(dice, ada.id, n) for n in range(120)]
    over = threading.Event()

    def listen() -> None:
        for first in range(0, 120, 6):
            store.write_plays(plays_table(*plays[first : first + 6], *dice.sample(plays[: first + 1], 1)))
        over.set()

    writing = threading.Thread(target=listen)
    writing.start()
    ticks = 0
    reader = Reader(clickhouse)
    before = 0
    while not over.is_set():
        rollup.tick()
        ticks += 1
        known = reader.totals(ada.id, ALL).plays
        assert known >= before, "what was read once stays"
        before = known
    writing.join()
    assert ticks > 1
    held(clickhouse, ada.id, rollup)


def test_rows_that_came_past_the_clock_are_found_by_the_audit(
    clickhouse: ClickHouse, store: Writer, ada: ListenerRow, rollup: Rollup
) -> None:
    dice = random.Random(11)
    bob = Listeners(clickhouse).add("Bob", "Asia/Tokyo")
    store.write_plays(plays_table(*(some_play(dice, ada.id, n) for n in range(20))))
    rollup.tick()
    columns = "* REPLACE ({bob:UInt64} AS listener, toDateTime64('2025-01-01', 3, 'UTC') AS stored_at)"
    clickhouse.command(f"INSERT INTO plays SELECT {columns} FROM plays FINAL LIMIT 5", {"bob": bob.id})
    assert rollup.tick() == 0
    assert rollup.audit() > 0
    assert rolled(clickhouse, bob.id) == raw(clickhouse, bob.id)


def test_two_rollups_at_once(clickhouse: ClickHouse, store: Writer, ada: ListenerRow) -> None:
    dice = random.Random(12)
    store.write_plays(plays_table(*(some_play(dice, ada.id, n) for n in range(50))))
    both = [threading.Thread(target=Rollup(clickhouse).tick) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    held(clickhouse, ada.id, Rollup(clickhouse))


def test_nobody_is_rolled_up_who_was_erased(
    clickhouse: ClickHouse, store: Writer, ada: ListenerRow, rollup: Rollup
) -> None:
    dice = random.Random(13)
    store.write_plays(plays_table(*(some_play(dice, ada.id, n) for n in range(10))))
    rollup.tick()
    counts = erase_listener(clickhouse, ada.id)
    assert counts["listener_days"] > 0 and counts["rollup_marks"] == 1
    rollup.tick()
    rollup.audit()
    assert clickhouse.scalar("SELECT count() FROM listener_days") == 0
    assert clickhouse.scalar("SELECT count() FROM rollup_marks") == 0


def test_many_days_wait_for_an_import_to_end(
    clickhouse: ClickHouse, store: Writer, ada: ListenerRow, rollup: Rollup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "PATIENCE", 3600.0)
    monkeypatch.setattr(rolling, "QUIET", timedelta(hours=1))
    rollup.tick()
    dice = random.Random(14)
    store.write_plays(plays_table(*(some_play(dice, ada.id, n) for n in range(200))))
    assert rollup.tick() == 0
    assert clickhouse.scalar("SELECT count() FROM listener_days") == 0
    monkeypatch.setattr(rolling, "QUIET", timedelta(0))
    assert rollup.tick() > 31
    held(clickhouse, ada.id, rollup)


def test_those_who_play_now_are_looked_at_together() -> None:
    now = NOON + timedelta(hours=3)
    near = (int(NOON.timestamp()) << 32, (int(NOON.timestamp()) << 32) + 5, now)
    old = (1_500_000_000 << 32, int(NOON.timestamp()) << 32, now)
    found = list(looks({1: near, 2: near, 3: old, 4: near}, {4}, now))
    assert [look.listeners for look in found] == [(1, 2), (3,), (4,)]
    assert (found[0].first, found[0].last) == (NOON.date() - timedelta(days=3), NOON.date() + timedelta(days=1))
    assert found[2].first is None


def test_parts_are_bounded_by_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "AT_ONCE", 100)
    days = [Day(1, NOON.date() + timedelta(days=n), plays) for n, plays in enumerate((60, 30, 20, 500, 0, 1))]
    assert [[day.plays for day in part] for part in parts(days)] == [[60, 30], [20], [500], [0, 1]]
