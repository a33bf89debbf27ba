"""Every query of every dashboard on the real engine: what comes back is what its panel can draw."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from html import escape
from itertools import pairwise
from typing import Any

import pytest

from sinks.clickhouse import ClickHouse
from sinks.reader import Reader
from sinks.windows import Window
from tests.grafana.boards import BOARDS, Asked, Table, asked, one
from tests.grafana.contact_sheet import page
from tests.grafana.pipeline_day import plant_pipeline
from tests.grafana.world import ABROAD, END, NEW, RICH, SPAN, START, plant
from tests.support.clickhouse import fresh_database

QUERIES = list(asked())
NUMBER = re.compile(r"(Nullable\()?(Float|U?Int)\d+\)?")
TEXT = re.compile(r"(LowCardinality\(|Nullable\()*String\)*")
TIME = re.compile(r"(Nullable\()?DateTime.*")


@pytest.fixture(scope="module")
def house(engine: ClickHouse) -> Iterator[ClickHouse]:
    with fresh_database() as ch:
        plant(ch)
        plant_pipeline(ch)
        yield ch


@pytest.fixture(scope="module")
def nobody(engine: ClickHouse) -> Iterator[ClickHouse]:
    """An instance that was set up a minute ago."""
    with fresh_database() as ch:
        yield ch


def check(query: Asked, table: Table) -> None:
    """That the panel can draw it."""
    names, types, rows = table
    if not names:  # the engine names no columns where no row comes
        assert not rows
        return
    for kind in types:
        assert NUMBER.fullmatch(kind) or TEXT.fullmatch(kind) or TIME.fullmatch(kind), f"{kind} is nothing to draw"
    for row in rows:
        assert all(math.isfinite(cell) for cell in row if isinstance(cell, float)), row
    if query.kind == "variable":
        assert len(names) in (1, 2)
        assert all(TEXT.fullmatch(kind) for kind in types)
        values = [row[0] for row in rows]
        assert len(set(values)) == len(values)
    elif query.kind == "annotation":
        assert names == ("time", "timeEnd", "title", "text", "tags")
        assert [bool(TIME.fullmatch(kind)) for kind in types] == [True, True, False, False, False]
        assert all(row[0] <= row[1] for row in rows)
    elif query.shape == 0:
        series(names, types, rows)
    else:
        drawn(query.panel, names, types, rows)


def series(names: tuple[str, ...], types: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Time ascending, then a column for each line; or time, label and value."""
    assert names[0] == "time"
    assert TIME.fullmatch(types[0])
    times = [row[0] for row in rows]
    assert times == sorted(times)
    if TEXT.fullmatch(types[1]):
        assert len(names) == 3
        assert NUMBER.fullmatch(types[2])
        assert len({row[:2] for row in rows}) == len(rows), "two values for one point"
    else:
        assert all(NUMBER.fullmatch(kind) for kind in types[1:])
        assert len(set(times)) == len(times)


def drawn(
    panel: dict[str, Any], names: tuple[str, ...], types: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:  # fmt: skip
    numbers = [name for name, kind in zip(names, types, strict=True) if NUMBER.fullmatch(kind)]
    texts = [name for name, kind in zip(names, types, strict=True) if TEXT.fullmatch(kind)]
    assert len(set(names)) == len(names)
    matchers = [override["matcher"] for override in panel["fieldConfig"]["overrides"]]
    assert {matcher["options"] for matcher in matchers if matcher["id"] == "byName"} <= set(names)
    match panel["type"]:
        case "barchart":
            assert texts == [panel["options"]["xField"]]
            assert len(numbers) == len(names) - 1 > 0
            marks = [row[names.index(texts[0])] for row in rows]
            assert len(set(marks)) == len(marks)
        case "bargauge":
            assert (len(texts), len(numbers), len(names)) == (1, 1, 2)
        case "xychart":
            assert len(numbers) == 2
        case "histogram":
            assert len(names) == len(numbers) == 1
        case "gauge":
            assert len(names) == len(numbers) == 1
            assert len(rows) <= 1
        case "stat":
            assert len(rows) <= 1 or panel["options"]["reduceOptions"].get("values")
        case "state-timeline":
            assert TIME.fullmatch(types[0])
            assert texts == list(names[1:])
            times = [row[0] for row in rows]
            assert times == sorted(times)
        case kind:
            assert kind == "table"


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_an_empty_instance(nobody: ClickHouse, query: Asked) -> None:
    table = query.answer(nobody, None, START, END)
    check(query, table)
    assert not any(cell for row in table[2] for cell in row if isinstance(cell, (int, float)))


@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.parametrize("window", ["range", "all", "2025"])
def test_a_new_listener(house: ClickHouse, query: Asked, window: str) -> None:
    if window == "range" or "window" in query.sql:
        check(query, query.answer(house, NEW, START, END, window=window))


@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.parametrize("listener", [RICH, ABROAD], ids=["rich", "abroad"])
def test_a_listener_with_a_history(house: ClickHouse, query: Asked, listener: int) -> None:
    table = query.answer(house, listener, START, END, season="2025-12-01")
    check(query, table)
    if not (listener == ABROAD and query.title == "Forgotten favourites"):  # nobody forgets so soon
        assert table[2], "nothing to see"


@pytest.mark.parametrize("query", [query for query in QUERIES if "{window:" in query.sql], ids=str)
def test_other_windows(house: ClickHouse, query: Asked) -> None:
    whole = query.answer(house, RICH, START, END, window="all", season="2025-12-01")
    check(query, whole)
    assert whole[2]
    check(query, query.answer(house, RICH, START, END, window="2025", season="2025-12-01"))
    _, _, rows = query.answer(house, RICH, START, END, window="1999", season="2025-12-01")
    assert query.title == "Forgotten favourites" or not any(c for row in rows for c in row if isinstance(c, float))


# What the figures are, against the named reads


def of(house: ClickHouse, board: str, title: str, listener: int = RICH, **variables: str) -> list[tuple[Any, ...]]:
    return one(board, title).answer(house, listener, START, END, **variables)[2]


@pytest.fixture
def same(house: ClickHouse) -> tuple[Reader, Window]:
    return Reader(house), Window("", START.date(), END.date())


def test_top_artists_and_tracks(house: ClickHouse, same: tuple[Reader, Window]) -> None:
    reader, window = same
    wanted = [(row.name, row.plays) for row in reader.top(RICH, "artists", window, limit=5)]
    shown = of(house, "taste", "Top artists")
    assert [(row[1], row[2]) for row in shown][:2] == wanted[:2]
    assert all(row[0].startswith("https://") for row in shown)
    assert [row[2] for row in shown][:5] == [plays for _, plays in wanted]
    tracks = [row.plays for row in reader.top(RICH, "tracks", window, limit=12)]
    assert [row[1] for row in of(house, "taste", "Top tracks")] == tracks
    albums = [row.plays for row in reader.top(RICH, "albums", window, limit=12)]
    assert [row[3] for row in of(house, "taste", "Top albums")] == albums


def test_the_window_all_time_is_more_than_the_range(house: ClickHouse) -> None:
    whole = of(house, "taste", "Top artists", window="all")
    (first,) = house.query("SELECT count() FROM v_counted_plays WHERE listener = 7 GROUP BY artist ORDER BY 1 DESC")[:1]
    assert whole[0][2] == first[0]


@pytest.mark.parametrize("window", ["range", "all"])
def test_the_mainstream_index(house: ClickHouse, window: str) -> None:
    since = START.date() if window == "range" else None
    (row,) = house.query(
        "SELECT avg(popularity) FROM v_counted_plays AS p INNER JOIN artists AS a ON a.artist_id = p.artist_id "
        "WHERE p.listener = 7 AND local_date BETWEEN {since:Date} AND {last:Date}",
        {"since": since or "1970-01-01", "last": END.date()},
    )
    assert of(house, "taste", "Mainstream index", window=window) == [(pytest.approx(row[0]),)]


def test_popularity_bands_count_artists(house: ClickHouse) -> None:
    assert len(of(house, "taste", "Popularity bands")) == house.scalar(
        "SELECT uniqExact(artist_id) FROM v_counted_plays WHERE listener = 7 AND local_date BETWEEN "
        f"'{START.date()}' AND '{END.date()}' "
        "AND artist_id IN (SELECT artist_id FROM artists WHERE popularity IS NOT NULL)"
    )


def test_decades_count_every_play(house: ClickHouse) -> None:
    rows = of(house, "taste", "Release decades", window="all")
    assert sum(row[1] for row in rows) == house.scalar("SELECT count() FROM v_counted_plays WHERE listener = 7")
    assert {row[0] for row in rows} <= {f"{decade}s" for decade in range(1960, 2030, 10)}


def test_the_library_against_the_plays(house: ClickHouse) -> None:
    reader = Reader(house)
    known = reader.well_known(RICH)
    shown = of(house, "taste", "The library against the plays")
    assert [row[0].partition(" (")[0] for row in shown] == [
        "all plays", "saved tracks", "followed artists", "favourite artists"
    ]  # fmt: skip
    assert all(sum(row[1:]) == pytest.approx(1) for row in shown)
    plays = known[0]
    assert shown[0][1:] == pytest.approx([
        band / sum((plays.niche, plays.rising, plays.known, plays.popular, plays.star))
        for band in (plays.niche, plays.rising, plays.known, plays.popular, plays.star)
    ])  # fmt: skip
    assert of(house, "taste", "The library against the plays", NEW) == [], "without a library nothing is compared"


def test_what_is_saved_followed_and_favourite(house: ClickHouse) -> None:
    reader = Reader(house)
    never, followed = reader.never_played(RICH), reader.followed(RICH)
    assert [row[1] for row in of(house, "taste", "Liked but never played")] == [row.title for row in never.rows]
    assert never.never_played > 20 and all(row.title.startswith("Unheard") for row in never.rows)
    assert of(house, "taste", "Saved, unheard") == [(pytest.approx(never.never_played / never.saved),)]
    states = [("heard", followed.heard), ("fading", followed.fading), ("dropped", followed.dropped)]
    assert of(house, "taste", "Followed artists") == [
        (state, count) for state, count in [*states, ("never heard", followed.never)] if count
    ]
    assert [row[1] for row in of(house, "taste", "Followed but dropped")] == [row.artist for row in followed.rows]
    favourites = reader.favourites(RICH, "top-artist")
    shown = of(house, "taste", "Favourites over three ranges")
    assert [(row[1], *row[2:5]) for row in shown] == [(f.artist, f.short, f.medium, f.long) for f in favourites]
    moved = of(house, "taste", "Risen and fallen")
    assert [row[1] - row[2] for row in moved] == sorted((row[1] - row[2] for row in moved), reverse=True)
    assert all((risen > 0) != (fallen > 0) for _, risen, fallen in moved)
    assert {row[1] > 0 for row in moved} == {True, False}, "some rose and some fell"


def test_hours_are_those_of_the_listeners_own_clock(house: ClickHouse, same: tuple[Reader, Window]) -> None:
    reader, _ = same
    window = Window("", (START + timedelta(hours=9)).date(), (END + timedelta(hours=9)).date())
    clock = [float(row.plays) for row in reader.clock(ABROAD, window)]
    assert [row[1] for row in of(house, "rhythm", "Plays by hour", ABROAD)] == clock
    week = of(house, "rhythm", "Hours of the week", ABROAD)
    assert [row[0] for row in week] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert [sum(row[hour + 1] for row in week) for hour in range(24)] == clock
    late = sum(clock[20:]) + sum(clock[:4])
    assert late > sum(clock) / 2, "planted around 14 h UTC, which is late in Tokyo"


def test_weekday_and_weekend_are_per_day(house: ClickHouse) -> None:
    rows = of(house, "rhythm", "Weekday against weekend")
    working, free = house.query(
        "SELECT countIf(weekday < 6), countIf(weekday > 5) FROM v_counted_plays WHERE listener = 7 "
        f"AND local_date BETWEEN '{START.date()}' AND '{END.date()}'"
    )[0]
    days = [START.date() + timedelta(days=number) for number in range((END.date() - START.date()).days + 1)]
    assert sum(row[1] for row in rows) == pytest.approx(working / sum(day.weekday() < 5 for day in days))
    assert sum(row[2] for row in rows) == pytest.approx(free / sum(day.weekday() > 4 for day in days))


def test_streaks(house: ClickHouse, same: tuple[Reader, Window]) -> None:
    reader, _ = same
    wanted = reader.streaks(RICH, Window("all", None, None), END.date())
    current = wanted.current.days if wanted.current else 0
    assert wanted.longest is not None
    assert of(house, "rhythm", "Streaks") == [(current, wanted.longest.days)]


def test_the_calendar_holds_every_play(house: ClickHouse, same: tuple[Reader, Window]) -> None:
    reader, window = same
    rows = of(house, "rhythm", "Calendar")
    assert all(row[0].weekday() == 0 and row[0].hour == 0 for row in rows)
    assert {after[0] - before[0] for before, after in pairwise(rows)} == {timedelta(days=7)}
    by_day = {row[0].date() + timedelta(days=number): row[number + 1] for row in rows for number in range(7)}
    assert {day: plays for day, plays in by_day.items() if plays} == {
        row.day: row.plays for row in reader.calendar(RICH, window)
    }


def test_sessions(house: ClickHouse, same: tuple[Reader, Window]) -> None:
    reader, window = same
    wanted = reader.sessions(RICH, window, limit=10_000)
    assert [round(row[0], 2) for row in of(house, "rhythm", "Length of sessions")] == pytest.approx(
        sorted(row.length_minutes for row in wanted.rows)
    )


def test_genres_by_week_are_shares_of_what_is_known(house: ClickHouse, same: tuple[Reader, Window]) -> None:
    reader, window = same
    weeks: dict[Any, dict[str, float]] = {}
    for at, family, share in of(house, "evolution", "Genres by week"):
        weeks.setdefault(at.date(), {})[family] = share
    assert all(sum(shares.values()) == pytest.approx(1) for shares in weeks.values())
    assert len({family for shares in weeks.values() for family in shares} - {"other"}) <= 8
    for row in reader.evolution(RICH, window, "week"):
        if row.genre in weeks[row.starts]:
            assert weeks[row.starts][row.genre] == pytest.approx(row.share, abs=1e-4), "every genre is known here"


def test_discovery(house: ClickHouse, same: tuple[Reader, Window]) -> None:
    reader, window = same
    wanted = [(row.starts, row.new_tracks, row.plays) for row in reader.discovery(RICH, window, "week")]
    shown = of(house, "evolution", "New against repeated")
    assert [(row[0].date(), row[1], row[1] + row[2]) for row in shown] == wanted
    rates = of(house, "evolution", "Discovery rate")
    assert [row[1] for row in rates] == pytest.approx([new / plays for _, new, plays in wanted])
    assert 0 < max(row[1] for row in rates) < 1


def test_the_genres_of_a_season_against_all_time(house: ClickHouse) -> None:
    rows = of(house, "evolution", "Genres of the season", season="2025-12-01")
    assert sum(row[1] for row in rows) == pytest.approx(1)
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
    seasons = of(house, "evolution", "$season")
    assert seasons[0] == ("2025-12-01", "winter 2025")
    assert ("2025-09-01", "autumn 2025") in seasons
    assert not any(row[1] for row in of(house, "evolution", "Genres of the season"))


def test_first_heard_and_forgotten(house: ClickHouse) -> None:
    """The taste changed in the middle: who came with it is new, and who was left is forgotten."""
    first = of(house, "evolution", "First heard")
    assert all(str(START.date()) <= row[2] <= str(END.date()) for row in first)
    assert [row[3] for row in first] == sorted((row[3] for row in first), reverse=True)
    forgotten = of(house, "evolution", "Forgotten favourites")
    assert all(row[2] < str(END.date() - timedelta(days=90)) and row[3] >= 10 for row in forgotten)
    before = END - timedelta(days=SPAN - 60)
    rows = one("evolution", "Forgotten favourites").answer(house, RICH, START, before)[2]
    assert all(row[2] < str(before.date() - timedelta(days=90)) for row in rows), "two months are too short"
    assert not {row[1] for row in first} & {row[1] for row in forgotten}


def test_the_personality_and_its_history(house: ClickHouse) -> None:
    assert of(house, "you", "Personality") == [("Underground Hunter",)]
    assert of(house, "you", "Personality", profile="all") == [("Mainstream Explorer",)]
    assert of(house, "you", "Personality", NEW) == [("Not enough plays yet",)]
    assert of(house, "you", "Confidence") == [(0.8,)]
    assert len(of(house, "you", "Why")) == 2
    rows = of(house, "you", "Personalities over time")
    assert rows[0] == (START, "Mainstream Explorer"), "what held before the range begins it"
    assert rows[-1] == (END, "Underground Hunter")
    assert [persona for _, persona in rows] == ["Mainstream Explorer", *["Underground Hunter"] * 2], "changed once"
    assert [row[0] for row in of(house, "you", "$profile")] == ["90d", "all"]


def test_habits_drift_and_listeners_compare(house: ClickHouse) -> None:
    drift = [row[2] for row in of(house, "you", "Drift of habits") if row[1] == "at night"]
    assert drift == sorted(drift, reverse=True)
    assert len(drift) > 5
    names = one("you", "Listeners compared").answer(house, RICH, START, END)[0]
    rows = [dict(zip(names, row, strict=True)) for row in of(house, "you", "Listeners compared")]
    assert [(row["listener"], row["personality"]) for row in rows] == [
        ("ben's", "Night Owl"),
        ("ann", "Underground Hunter"),
        ("cem", "Not enough plays yet"),
    ]
    assert rows[2]["mainstream"] is None


def test_everybody_at_a_glance(house: ClickHouse) -> None:
    rows = of(house, "home", "Listeners")
    assert [row[1] for row in rows] == ["ben's", "ann", "cem"]
    assert all(row[2] > 0 for row in rows)


def test_the_contact_sheet_draws_every_panel(house: ClickHouse) -> None:
    drawn = page(house)
    for board in BOARDS.values():
        assert all(f"<h3>{escape(panel['title'])}</h3>" in drawn for panel in board["panels"])
    assert drawn.count("class=panel ") == sum(len(board["panels"]) for board in BOARDS.values())
    assert "class=none>" not in drawn, "every panel has something to draw"


def test_imports_and_gaps_are_marked_where_there_is_a_listener() -> None:
    for board in BOARDS.values():
        variables = {variable["name"] for variable in board["templating"]["list"]}
        marks = [mark["name"] for mark in board["annotations"].get("list", ())]
        assert marks == (["Imports", "Gaps"] if "listener" in variables else [])


def test_marks_outside_the_range_are_not_shown(house: ClickHouse) -> None:
    late = START - timedelta(days=365), START
    for name in ("Imports", "Gaps"):
        assert of(house, "taste", name)
        assert one("taste", name).answer(house, RICH, *late)[2] == []
