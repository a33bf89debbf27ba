"""The dashboard Pipeline on the real engine, with what was measured planted by the second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import pipeline, pipeline_sql
from sinks.clickhouse import ClickHouse
from sinks.measurements import Measurement, Part, write_measurements
from sinks.times import now_ms, to_time
from streams.contracts.topics import PLAY_RECORDED
from tests.grafana.macros import expand
from tests.support.clickhouse import fresh_database

DASHBOARD: dict[str, Any] = json.loads(json.dumps(pipeline.dashboard().build(), cls=JSONEncoder))
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
ADA, BEN = 7, 8
TOPIC = PLAY_RECORDED.name
# the end of the range, on a whole step of it (24 hours give steps of 360 s); older rows are dropped for their age
END_MS = now_ms() // 3_600_000 * 3_600_000 - 3_600_000
START_MS = END_MS - 86_400_000

Table = tuple[tuple[str, ...], tuple[str, ...], list[tuple[Any, ...]]]


def measured(ch: ClickHouse, part: Part, ago_s: float, *figures: Measurement, process: str = "a") -> None:
    write_measurements(ch, part, process, END_MS - int(ago_s * 1000), figures)


@pytest.fixture(scope="module")
def house(engine: ClickHouse) -> Iterator[ClickHouse]:
    """A day of two workers and a collector."""
    with fresh_database() as ch:
        at = to_time(START_MS)
        ch.insert(
            "listeners", ["listener", "version", "name", "created_at"], [[ADA, 1, "Ada", at], [BEN, 1, "Ben", at]]
        )
        for ago in (10, 190, 370):  # two of them in the last step of six minutes
            for process in ("a", "b"):
                measured(
                    ch, "worker", ago,
                    Measurement("read", 60, TOPIC), Measurement("read", 5, "another"), Measurement("stored", 30),
                    Measurement("known", 0), Measurement("enriched", 30), Measurement("refused", 3),
                    Measurement("lag", ago, f"spotifire/{TOPIC}"), Measurement("lag", 2, "spotifire/another"),
                    process=process,
                )  # fmt: skip
        for count, label, process in ((50, "0.05 0.1", "a"), (45, "0.1 0.25", "b"), (5, "1.0 2.5", "a")):
            measured(ch, "worker", 20, Measurement("queryable", count, label), process=process)
        measured(ch, "worker", 3_000, Measurement("queryable", 1, "1800.0 +Inf"))
        for ago, age in ((15, 500), (30, 4_000)):
            measured(
                ch, "collector", ago,
                Measurement("blocked", 7), Measurement("polls", 4), Measurement("told_to_wait", 1, "rate"),
                Measurement("told_to_wait", 0, "quota"),
                Measurement("poll_age", age, "", ADA), Measurement("poll_age", age / 2, "", 99),
            )  # fmt: skip
        letters = ["dead_letter_id", "refused_at", "reason", "payload"]
        ch.insert("dead_letters", letters, [[n, to_time(END_MS - n * 1000), "bad-value", "x"] for n in range(1, 4)])
        ch.insert("dead_letters", letters, [[9, to_time(START_MS - 1000), "too-large", "x"]])
        replays = ["dead_letter_id", "version", "replayed_at", "resolved_at"]
        ch.insert("replays", replays, [[1, 1, to_time(END_MS), to_time(END_MS)]])
        hour = 3_600_000
        gaps = ["listener", "source", "gap_start", "gap_end", "version", "closed_at"]
        ch.insert(
            "gaps", gaps,
            [
                [ADA, "spotify", to_time(END_MS - 2 * hour), to_time(END_MS - hour), 1, None],
                [BEN, "spotify", to_time(END_MS - 3 * hour), to_time(END_MS - hour), 1, to_time(END_MS)],
                [BEN, "spotify", to_time(START_MS - 90 * hour), to_time(START_MS - 89 * hour), 1, to_time(END_MS)],
            ],
        )  # fmt: skip
        genres = ("pop", "unknown", "rock", "pop")
        columns = ["listener", "play_id", "version", "genre", "stored_at"]
        ch.insert("plays", columns, [[ADA, n, 1, genre, to_time(END_MS - 1000)] for n, genre in enumerate(genres)])
        yield ch


def ask(ch: ClickHouse, title: str, end_ms: int = END_MS, hours: float = 24) -> Table:
    (target,) = PANELS[title]["targets"]
    start = to_time(end_ms) - timedelta(hours=hours)
    return ch.query_table(expand(target["rawSql"], variables={}, start=start, end=to_time(end_ms)))


def by_name(table: Table) -> list[dict[str, Any]]:
    names, _, rows = table
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_the_range_is_a_day_and_it_looks_often() -> None:
    assert DASHBOARD["time"] == {"from": "now-24h", "to": "now"}
    assert DASHBOARD["refresh"] == "5s"


def test_what_is_shown_of_health_is_green_and_red() -> None:
    stats = [panel for panel in DASHBOARD["panels"] if panel["type"] == "stat"]
    assert len(stats) == 6
    for panel in stats:
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["color"]["mode"] == "thresholds"
        assert [step["color"] for step in defaults["thresholds"]["steps"]] == ["green", "red"]
        assert defaults["noValue"]


@pytest.mark.parametrize("title", PANELS)
def test_every_panel_has_rows_of_the_shape_that_it_asks_for(house: ClickHouse, title: str) -> None:
    names, types, rows = ask(house, title)
    assert rows
    (target,) = PANELS[title]["targets"]
    if target["format"] == 0:
        assert names[0] == "time"
        assert types[0].startswith("DateTime")
        times = [row[0] for row in rows]
        assert times == sorted(times)
        long = types[1] in ("String", "LowCardinality(String)")
        assert set(types[2 if long else 1 :]) == {"Float64"}
        assert len(names) == 3 or not long
        assert all(value == value for row in rows for value in row), "a line with NaN has holes"


@pytest.mark.parametrize("title", PANELS)
def test_an_empty_house_breaks_no_panel(house: ClickHouse, title: str) -> None:
    _, _, rows = ask(house, title, end_ms=START_MS - 365 * 86_400_000)
    assert rows == [] or (title == "Refused" and rows == [(0.0,)])


def test_the_lag_of_several_workers_is_not_added_up(house: ClickHouse) -> None:
    """Each of them asks for the lag of all partitions."""
    assert ask(house, "Behind")[2] == [(12.0,)]
    last = [row for row in by_name(ask(house, "Lag by group")) if row["time"] == to_time(END_MS - 360_000)]
    assert [(row["queue"], row["lag"]) for row in last] == [("spotifire/another", 2), (f"spotifire/{TOPIC}", 190)]


def test_events_of_several_workers_are_added_up_by_the_minute(house: ClickHouse) -> None:
    last = by_name(ask(house, "Events"))[-1]
    assert last == {
        "time": to_time(END_MS - 360_000),
        "plays in": 40, "stored": 20, "known before": 0, "enriched": 20, "refused": 2,
    }  # fmt: skip


def test_a_point_that_has_just_begun_is_no_fall(house: ClickHouse) -> None:
    last = by_name(ask(house, "Events", end_ms=END_MS - 180_000))[-1]
    assert last["plays in"] == pytest.approx(120 / 3), "half of the step has passed"


def test_quantiles_lie_within_their_buckets(house: ClickHouse) -> None:
    last = by_name(ask(house, "Play to queryable"))[-1]
    assert last["p50"] == pytest.approx(0.1)
    assert last["p95"] == pytest.approx(0.25)
    assert last["p99"] == pytest.approx(1 + 1.5 * 4 / 5)
    assert ask(house, "Until queryable")[2] == [(pytest.approx(last["p99"]),)]
    first = by_name(ask(house, "Play to queryable"))[0]
    assert first["p50"] == first["p99"] == 1_800, "of those beyond the last bound no more is known"


def test_the_age_of_polls_by_listener(house: ClickHouse) -> None:
    assert ask(house, "Oldest poll")[2] == [(500.0,)]
    rows = by_name(ask(house, "Last good poll by listener"))
    assert {(row["listener_name"], row["age"]) for row in rows} == {("Ada", 4_000), ("0000000000000063", 2_000)}


def test_parts_that_are_silent(house: ClickHouse) -> None:
    assert ask(house, "Silent for")[2] == [("worker", 10.0), ("collector", 15.0)]


def test_what_spotify_was_asked_and_said(house: ClickHouse) -> None:
    assert ask(house, "Spotify asks to wait")[2] == [(7.0,)]
    (row,) = by_name(ask(house, "Calls to Spotify and 429s"))
    assert (row["calls"], row["told to slow down"], row["quota used up"]) == (8, 2, 0)


def test_refused_records(house: ClickHouse) -> None:
    assert ask(house, "Refused")[2] == [(2.0,)]
    assert ask(house, "Dead letters by reason")[2] == [("bad-value", 2.0, 1.0)]


def test_coverage(house: ClickHouse) -> None:
    (row,) = by_name(ask(house, "Enrichment coverage"))
    assert row["genre known"] == 0.75


def test_gaps_of_the_range_and_open_ones(house: ClickHouse) -> None:
    rows = by_name(ask(house, "Gaps"))
    assert [(row["listener"], row["state"]) for row in rows] == [("Ada", "open"), ("Ben", "closed")]


def test_the_topic_is_that_of_the_contract() -> None:
    assert f"'{TOPIC}'" in pipeline_sql.EVENTS
