"""The views: described, right on real plays, the same after a replay, and no listener in another's figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sinks import datacatalog
from sinks.clickhouse import ClickHouse
from sinks.listeners import Listeners
from sinks.reader import Reader
from sinks.reference import ClickHouseReference
from sinks.rollup import Rollup
from sinks.rows import ListenerRow
from sinks.windows import Window
from sinks.writer import Writer
from streams.contracts.ids import to_hex
from streams.pipeline import Pipeline
from tests.streams.worlds import heard, records
from tests.support.rows import NOON, NOON_MS, play, plays_table

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ALL = Window("all", None, None)


@pytest.fixture
def ada(clickhouse: ClickHouse) -> ListenerRow:
    return Listeners(clickhouse).add("Ada", "Europe/Berlin")


def views(ch: ClickHouse) -> list[str]:
    rows = ch.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'v_%'")
    return [name for (name,) in rows]


@pytest.mark.drift
def test_the_page_is_that_of_the_schema(clickhouse: ClickHouse) -> None:
    assert datacatalog.PATH.read_text("utf-8") == datacatalog.render(clickhouse), "run: python -m sinks.datacatalog"


@pytest.mark.drift
def test_every_column_of_every_table_and_view_says_what_it_means(clickhouse: ClickHouse) -> None:
    assert (
        clickhouse.query("SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = ''")
        == []
    )


def test_a_column_without_a_meaning_would_show(clickhouse: ClickHouse) -> None:
    clickhouse.command("CREATE VIEW v_bare AS SELECT 1 AS bare COMMENT 'x'")
    page = datacatalog.render(clickhouse)
    assert "| `bare` | `UInt8` |  |  |" in page
    assert "## v_bare\n\nx.\n\nView of" in page


@pytest.mark.parametrize(
    ("column", "kind", "unit"),
    [
        ("ended_at", "DateTime64(3, 'UTC')", "UTC"), ("day", "Date", "local day"), ("ms_heard", "Int64", "ms"),
        ("length_minutes", "Float64", "min"), ("plays", "UInt32", "plays"), ("title", "String", ""),
    ],
)  # fmt: skip
def test_units(column: str, kind: str, unit: str) -> None:
    assert datacatalog.unit_of(column, kind) == unit


def test_every_view_can_be_read_of_nobody(clickhouse: ClickHouse) -> None:
    for view in views(clickhouse):
        clickhouse.query(f"SELECT * FROM {view} LIMIT 1")


def test_what_the_views_say(clickhouse: ClickHouse, store: Writer, ada: ListenerRow, reader: Reader) -> None:
    bob = Listeners(clickhouse).add("Bob", "Asia/Tokyo")
    clickhouse.insert(
        "artists",
        ("artist_id", "source", "version", "name", "folded_name", "genre", "popularity"),
        [("A", "file", 1, "Ann", "ann", "jazz", 90), ("B", "file", 1, "Ben", "ben", "rock", 30)],
    )
    ann: dict[str, Any] = {"artist": "Ann", "artist_id": "A", "genre": "jazz", "title": "One"}
    ben: dict[str, Any] = {"artist": "Ben", "artist_id": "B", "genre": "rock", "title": "Two"}
    ends = [
        (0, ann), (4 * MINUTE, ann), (20 * MINUTE, ben),  # one sitting
        (51 * MINUTE, ben),  # 27 min 40 s of silence before it: still the same
        (90 * MINUTE, ben),  # another
        (DAY, ann), (3 * DAY, {"artist": "Cy", "artist_id": "", "genre": "unknown", "title": "Three"}),
    ]  # fmt: skip
    store.write_plays(plays_table(*(play(ada.id, NOON_MS + at, **said) for at, said in ends), play(bob.id, **ann)))
    Rollup(clickhouse).tick()
    me = {"me": ada.id}

    def told(what: str, view: str, order: str) -> list[tuple[Any, ...]]:
        return clickhouse.query(f"SELECT {what} FROM {view} WHERE listener = {{me:UInt64}} ORDER BY {order}", me)

    first = NOON.date()
    assert told("day, plays, listener_hex", "v_days", "day") == [
        (first + timedelta(days=n), plays, ada.listener) for n, plays in ((0, 5), (1, 1), (3, 1))
    ]
    assert told("plays, local_date", "v_sessions", "started_at") == [
        (4, first), (1, first), (1, first + timedelta(days=1)), (1, first + timedelta(days=3))
    ]  # fmt: skip
    assert told("first_day, days, plays", "v_streaks", "first_day") == [
        (first, 2, 6), (first + timedelta(days=3), 1, 1)
    ]  # fmt: skip
    hours = [plays for (plays,) in told("plays", "v_day_hours", "day, local_hour")]
    assert (len(hours), sum(hours)) == (3 * 24, 7)
    assert told("kind, first_day, plays", "v_discoveries", "kind, first_heard_at") == [
        ("artist", first, 3), ("artist", first, 3), ("artist", first + timedelta(days=3), 1),
        ("track", first, 3), ("track", first, 3), ("track", first + timedelta(days=3), 1),
    ]  # fmt: skip
    assert told("day, rated_plays, popularity_sum, plays", "v_day_popularity", "day") == [
        (first, 5, 270, 5), (first + timedelta(days=1), 1, 90, 1), (first + timedelta(days=3), 0, 0, 1)
    ]  # fmt: skip
    assert told("starts, genre, plays", "v_evolution", "per, starts, genre")[:3] == [
        (first.replace(day=1), "jazz", 3), (first.replace(day=1), "rock", 3), (first.replace(day=1), "unknown", 1)
    ]  # fmt: skip
    assert told("name, spotify_id, plays", "v_listener_artists", "name") == [
        ("Ann", "A", 3), ("Ben", "B", 3), ("Cy", "", 1)
    ]  # fmt: skip
    assert [(row.name, row.band) for row in reader.catalogue()] == [("Ann", "star"), ("Ben", "rising")]
    assert [row.name for row in reader.catalogue("rock")] == ["Ben"]
    assert reader.catalogue(band="niche") == []
    health: dict[str, float] = dict(clickhouse.query("SELECT name, value FROM v_pipeline_health"))
    assert (health["listeners"], health["listeners_without_rollup"], health["gaps_open"]) == (2, 0, 0)
    (mainstream,) = reader.mainstream(ada.id, ALL)
    assert (mainstream.index, mainstream.plays, mainstream.share) == (60.0, 7, round(6 / 7, 4))
    sessions = reader.sessions(ada.id, ALL, 1)
    assert (sessions.sessions, len(sessions.rows), sessions.rows[0].plays) == (4, 1, 1)
    streaks = reader.streaks(ada.id, ALL, first + timedelta(days=5))
    assert streaks.current is None and streaks.longest is not None and streaks.longest.days == 2
    assert reader.streaks(ada.id, ALL, first + timedelta(days=4)).current is not None
    seasons = reader.evolution(ada.id, ALL, "season")
    assert {(row.starts, row.season) for row in seasons} == {(first.replace(day=1), "spring")}
    assert sum(row.share for row in seasons) == pytest.approx(1, abs=0.001)


def test_a_sitting_goes_on_past_midnight(store: Writer, ada: ListenerRow, reader: Reader) -> None:
    midnight = NOON_MS + 12 * HOUR
    store.write_plays(plays_table(*(play(ada.id, midnight + n * 5 * MINUTE) for n in range(-5, 6))))
    found = reader.sessions(ada.id, ALL)
    assert (found.sessions, found.rows[0].plays, found.rows[0].local_date) == (1, 11, NOON.date())
    assert len(reader.calendar(ada.id, ALL)) == 2


def test_replaying_any_part_of_the_log_changes_no_figure(
    clickhouse: ClickHouse, store: Writer, reference: ClickHouseReference, reader: Reader
) -> None:
    listener = Listeners(clickhouse).add("Ada", "Europe/Berlin")
    log = records(
        [
            heard(
                n * 400, listener=to_hex(listener.id), title=f"Song {n % 5}", uri=f"spotify:track:{n % 5:022d}",
                ms_played=None if n % 4 == 0 else 200_000,
            )
            for n in range(40)
        ]
    )  # fmt: skip
    rollup = Rollup(clickhouse)
    Pipeline(store, reference).run(log)
    rollup.tick()

    def figures() -> dict[str, Any]:
        days = "SELECT * EXCEPT (version, fingerprint, rules, artists, tracks, albums, genres) FROM v_days"
        kept: dict[str, Any] = {"v_days": sorted(map(str, clickhouse.query(days)))}
        plain = ("v_day_hours", "v_day_genres", "v_sessions", "v_streaks", "v_discoveries", "v_evolution",
                 "v_day_popularity", "v_listener_artists")  # fmt: skip
        kept |= {view: sorted(map(str, clickhouse.query(f"SELECT * FROM {view}"))) for view in plain}
        return kept | {
            "week": reader.week(listener.id, ALL),
            "tracks": reader.top(listener.id, "tracks", ALL),
            "sessions": reader.sessions(listener.id, ALL),
            "discovery": reader.discovery(listener.id, ALL),
        }

    before = figures()
    assert sum(row.plays for row in before["week"]) == 40
    for part in (log, log[7:19], log[::-1], [log[3]] * 3):
        Pipeline(store, reference).run(part)  # another worker, which remembers nothing
        rollup.tick()
        assert figures() == before


@pytest.mark.parametrize(
    "view",
    ["v_days", "v_day_hours", "v_day_genres", "v_day_artists", "v_sessions", "v_streaks", "v_discoveries",
     "v_day_popularity", "v_evolution", "v_listener_artists", "v_counted_plays", "v_liked_never_played",
     "v_followed_dropped", "v_library_mainstream"],
)  # fmt: skip
def test_who_asks_for_one_listener_reads_no_others_rows(
    clickhouse: ClickHouse, store: Writer, ada: ListenerRow, view: str
) -> None:
    store.write_plays(plays_table(play(ada.id, artist="Ann", artist_id="A")))
    clickhouse.insert("artists", ("artist_id", "source", "version", "name", "popularity"), [("A", "f", 1, "Ann", 90)])
    Rollup(clickhouse).tick()
    plan = [
        line.strip(" │└├─")
        for (line,) in clickhouse.query(
            f"EXPLAIN indexes = 1 SELECT * FROM {view} WHERE listener = {{me:UInt64}}", {"me": ada.id}
        )
    ]
    starts = [number for number, line in enumerate(plan) if line.startswith("ReadFromMergeTree")]
    readings = [plan[start:end] for start, end in zip(starts, [*starts[1:], len(plan)], strict=True)]
    of_listeners = [one for one in readings if ".listener_days" in one[0] or ".plays" in one[0]]
    assert of_listeners, plan
    for one in of_listeners:
        assert any(f"listener in [{ada.id}" in line for line in one), one
