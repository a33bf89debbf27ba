"""The dashboard Now: what its figures say, on the real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grafana.render import rendered
from sinks.clickhouse import ClickHouse
from sinks.rollup import Rollup
from streams.contracts.ids import to_hex
from tests.grafana.macros import expand
from tests.ml.planted import FIRST_DAY, planted
from tests.support.clickhouse import fresh_database

DASHBOARD = json.loads(rendered()["now.json"])
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
LISTENER = 7
DAY = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=FIRST_DAY + 39)
END = DAY + timedelta(hours=23, minutes=30)
START = END - timedelta(days=30)

Table = tuple[tuple[str, ...], tuple[str, ...], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def house(engine: ClickHouse) -> Iterator[ClickHouse]:
    """Two listeners with 90 planted days each, one of whom moves to Tokyo, and something that plays."""
    with fresh_database() as ch:
        plays, _ = planted(3, each=1, names=["Mainstream Explorer", "Music Addict"], first_id=LISTENER)
        ch.insert_arrow("plays", plays)
        zone = [(datetime(1970, 1, 1, tzinfo=UTC), "UTC")]
        moved = [*zone, (DAY + timedelta(days=3), "Asia/Tokyo")]
        columns = ["listener", "version", "name", "created_at", "zones", "min_ms_played"]
        rows = [[LISTENER, 1, "ann", DAY, zone, 30_000], [LISTENER + 1, 1, "ben's", DAY, moved, 30_000]]
        ch.insert("listeners", columns, rows)
        ch.insert(
            "playback",
            ["listener", "observed_at", "is_playing", "title", "artist_names", "image_url"],
            [[LISTENER, END - timedelta(minutes=1), True, "Song", ["A", "B"], "https://i.scdn.co/image/1"]],
        )
        Rollup(ch).audit()
        yield ch


def ask(house: ClickHouse, title: str, *, listener: int = LISTENER, end: datetime = END) -> Table:
    (target,) = PANELS[title]["targets"]
    start = end - (timedelta(days=1) if PANELS[title].get("timeFrom") == "24h" else END - START)
    sql = expand(target["rawSql"], variables={"listener": to_hex(listener)}, start=start, end=end)
    return house.query_table(sql)


def test_the_listener_variable_gives_value_and_text(house: ClickHouse) -> None:
    (variable,) = (item for item in DASHBOARD["templating"]["list"] if item["type"] == "query")
    names, types, rows = house.query_table(variable["query"])
    assert types == ("String", "String")
    assert names[1] == "name"
    assert rows == [(to_hex(LISTENER), "ann"), (to_hex(LISTENER + 1), "ben's")]


def test_playing_now(house: ClickHouse) -> None:
    names, types, rows = ask(house, "Playing now")
    assert names == ("cover", "track", "artist", "album", "seen")
    assert types[-1].startswith("DateTime64")
    assert [row[:3] for row in rows] == [("https://i.scdn.co/image/1", "Song", "A, B")]
    assert ask(house, "Playing now", end=END + timedelta(hours=1))[2] == [], "an hour later nothing plays"


@pytest.mark.parametrize(
    ("title", "figure"),
    [
        ("Plays today", "count()"),
        ("Minutes today", "sum(ms_played) / 60000"),
        ("Artists today", "uniqExact(artist_id)"),
        (
            "New artists today",
            "uniqExactIf(artist_id, artist_id NOT IN"
            " (SELECT artist_id FROM plays WHERE listener = {me:UInt64} AND local_date < {day:Date}))",
        ),
    ],
)
def test_the_figures_of_today(house: ClickHouse, title: str, figure: str) -> None:
    names, types, rows = ask(house, title)
    assert names[0] == "time"
    assert types[0].startswith("DateTime")
    assert types[1] == "Float64"
    times = [row[0] for row in rows]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert len(rows) >= 24, "the sparkline has no holes"
    (wanted,) = house.query(
        f"SELECT {figure} FROM plays FINAL WHERE listener = {{me:UInt64}} AND local_date = {{day:Date}}",
        {"me": LISTENER, "day": DAY.date()},
    )[0]
    assert wanted > 0
    assert sum(row[1] for row in rows) == pytest.approx(wanted)


@pytest.mark.parametrize(("days", "ahead"), [(2, 0), (5, 1)])
def test_today_is_the_day_where_the_listener_lives_now(house: ClickHouse, days: int, ahead: int) -> None:
    """At 16:00 UTC it is already tomorrow in Tokyo, where nothing was heard yet."""
    moment = DAY + timedelta(days=days, hours=16)
    by_day: dict[Any, int] = dict(
        house.query(
            "SELECT local_date, count() FROM plays FINAL WHERE listener = {me:UInt64}"
            " AND ended_at <= {end:DateTime64(3)} GROUP BY local_date",
            {"me": LISTENER + 1, "end": moment},
        )
    )
    assert by_day[moment.date()] > 0
    _, _, rows = ask(house, "Plays today", listener=LISTENER + 1, end=moment)
    assert sum(row[1] for row in rows) == by_day.get(moment.date() + timedelta(days=ahead), 0)


def test_plays_by_day_names_every_day_once(house: ClickHouse) -> None:
    names, types, rows = ask(house, "Plays by day")
    assert (names, types) == (("day", "plays"), ("String", "Float64"))
    days = [row[0] for row in rows]
    assert days == [str((START + timedelta(days=number)).date()) for number in range(31)]
    (wanted,) = house.query(
        "SELECT count() FROM plays FINAL WHERE listener = {me:UInt64}"
        " AND local_date BETWEEN {first:Date} AND {last:Date}",
        {"me": LISTENER, "first": START.date(), "last": END.date()},
    )[0]
    assert sum(row[1] for row in rows) == wanted > 0


def test_sessions_start_and_end(house: ClickHouse) -> None:
    names, types, rows = ask(house, "Sessions of the last 24 hours")
    assert names == ("time", "session")
    assert types[1] == "Nullable(String)"
    times = [row[0] for row in rows]
    assert times == sorted(times)
    starts = [row for row in rows if row[1]]
    assert len(rows) == 2 * len(starts) > 0
    heard = sum(int(row[1].split()[0]) for row in starts)
    (wanted,) = house.query(
        "SELECT count() FROM plays FINAL WHERE listener = {me:UInt64}"
        " AND ended_at BETWEEN {first:DateTime64(3)} AND {last:DateTime64(3)}",
        {"me": LISTENER, "first": END - timedelta(days=1), "last": END},
    )[0]
    assert heard == wanted


def test_the_last_plays_show_local_time(house: ClickHouse) -> None:
    names, types, rows = ask(house, "Last 50 plays")
    assert names == ("cover", "played", "track", "artist", "album", "genre", "heard")
    assert types[names.index("played")] == "String"
    assert len(rows) == 50
    played = [row[1] for row in rows]
    assert played == sorted(played, reverse=True)
    assert played[0].startswith(str(DAY.date()))
    assert all(row[names.index("heard")] == 150 for row in rows)
