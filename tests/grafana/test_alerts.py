"""The alerts: their file, their form, and each query on the real engine, healthy and with a planted fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from deploy.clickhouse_http import ChdbHttpServer, Served
from grafana import alerts
from grafana.alerts import ALERTS, Alert
from grafana.query import PLUGIN
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.measurements import Measurement, Part, write_measurements
from sinks.times import now_ms
from streams.contracts.errors import StoreUnavailable
from tests.support.clickhouse import chdb_folder, fresh_database

RULES: list[dict[str, Any]] = yaml.safe_load(alerts.PATH.read_text("utf-8"))["groups"][0]["rules"]
BY_UID = {alert.uid.removeprefix("spotifire-"): alert for alert in ALERTS}
ADA, BEN = 7, 8
TOPIC = "music.play.recorded.v1"
QUEUE = f"spotifire/{TOPIC}"
MINUTE, HOUR, DAY = 60, 3600, 86_400

Rows = list[tuple[str, float]]


# Form


@pytest.mark.drift
def test_what_is_committed_is_what_is_rendered() -> None:
    assert alerts.PATH.read_text("utf-8") == alerts.rendered(), "run: make generated"


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    assert len({alert.uid for alert in ALERTS}) == len({alert.title for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert re.fullmatch(r"[a-z-]{1,40}", alert.uid)
        assert alert.summary.endswith(".")
        assert len(alert.message) > 60, "a cure takes some words"
        assert (alert.above is None) != (alert.below is None)


def test_a_rule_is_a_query_its_last_value_and_a_threshold() -> None:
    for rule, alert in zip(RULES, ALERTS, strict=True):
        assert rule["uid"] == alert.uid
        query, reduced, threshold = rule["data"]
        assert rule["condition"] == threshold["refId"] == "C"
        assert query["datasourceUid"] == query["model"]["datasource"]["uid"] == "spotifire-clickhouse"
        assert query["model"]["datasource"]["type"] == PLUGIN
        assert (query["model"]["rawSql"], query["model"]["format"]) == (alert.sql, 1)
        assert [reduced["model"][key] for key in ("type", "reducer", "expression")] == ["reduce", "last", "A"]
        assert [threshold["model"][key] for key in ("type", "expression")] == ["threshold", "B"]
        for step in (reduced, threshold):
            assert step["datasourceUid"] == step["model"]["datasource"]["uid"] == "__expr__"
        assert threshold["model"]["conditions"] == [{"evaluator": alert.evaluator}]
        assert re.fullmatch(r"\d+[smh]", rule["for"])


def test_nothing_in_the_file_looks_like_a_variable() -> None:
    """Grafana puts variables of its environment into texts, and no browser is there to expand one in a query."""
    assert "$" not in alerts.PATH.read_text("utf-8")


def test_the_texts_name_labels_that_the_query_gives() -> None:
    for alert in ALERTS:
        named = set(re.findall(r"\.Labels\.(\w+)", alert.summary + alert.message))
        assert all(re.search(rf"\b(AS {name}|SELECT {name})\b", alert.sql) for name in named), alert.uid
        if named and alert.no_data == "Alerting":
            assert "{{ else }}" in alert.summary, "without data there are no labels"


def test_the_rules_use_the_data_source_that_is_provisioned() -> None:
    path = alerts.PATH.parents[1] / "datasources" / "spotifire.yaml"
    (source,) = yaml.safe_load(path.read_text("utf-8"))["datasources"]
    assert source["uid"] == alerts.SOURCE_UID


def test_what_is_silent_fires_where_silence_is_the_fault() -> None:
    fires = {uid for uid, alert in BY_UID.items() if alert.no_data == "Alerting"}
    assert fires == {"database", "part-silent", "collecting"}
    assert [uid for uid, alert in BY_UID.items() if alert.on_error == "Alerting"] == ["database"], "one, not all"


# Queries


@pytest.fixture(scope="module")
def database(engine: ClickHouse) -> Iterator[ClickHouse]:
    """Ada and Ben."""
    with fresh_database() as ch:
        made = datetime(2026, 1, 1, tzinfo=UTC)
        rows = [[ADA, 1, "Ada", made], [BEN, 1, "Ben's", made]]
        ch.insert("listeners", ["listener", "version", "name", "created_at"], rows)
        yield ch


class House:
    """An instance whose parts have measured themselves; `ago` is in seconds."""

    def __init__(self, ch: ClickHouse) -> None:
        self.ch = ch
        self.now = now_ms()

    def measured(self, part: Part, ago: float, *figures: Measurement, process: str = "p") -> None:
        write_measurements(self.ch, part, process, self.now - int(ago * 1000), figures)

    def worker(self, *, lag: float = 0, read: float = 0, until: float = 5, since: float = 14 * MINUTE) -> None:
        for ago in range(int(until), int(since), 60):
            self.measured(
                "worker", ago, Measurement("stored", read), Measurement("lag", lag, QUEUE),
                Measurement("read", read, TOPIC),
            )  # fmt: skip

    def collector(self, ago: float = 5, *, blocked: float = 0, **state: Any) -> None:
        """`state`: of Ada; ages and times left in seconds."""
        figures = [Measurement("blocked", blocked)]
        if state:
            figures += [
                Measurement("connection", 1, state.get("connection", "ok"), ADA),
                Measurement("connection", 1, "ok", BEN),
                Measurement("token_left", state.get("left", 100 * DAY), "", ADA),
                Measurement("token_left", 150 * DAY, "", BEN),
                Measurement("poll_age", state.get("age", 700), "", ADA),
                Measurement("poll_age", 40, "", BEN),
            ]
        self.measured("collector", ago, *figures)

    def refused(self, number: int, reason: str, ago: float, import_id: int = 0) -> None:
        columns = ["dead_letter_id", "refused_at", "reason", "import_id", "payload"]
        at = datetime.now(UTC) - timedelta(seconds=ago)
        self.ch.insert("dead_letters", columns, [[number, at, reason, import_id, "x"]])

    def healthy(self) -> None:
        self.worker(lag=0, read=3)
        self.collector(age=700)
        self.refused(1, "erased", 60)
        self.refused(2, "bad-value", 60, import_id=5)
        self.refused(3, "bad-value", 3 * DAY)


@pytest.fixture
def house(database: ClickHouse) -> Iterator[House]:
    yield House(database)
    for table in ("measurements", "dead_letters", "replays"):
        database.command(f"TRUNCATE TABLE {table}")


def rows_of(alert: Alert, ch: ClickHouse) -> Rows:
    """What Grafana can make series of: no time, one number that is never null, and texts."""
    _, types, rows = ch.query_table(alert.sql)
    if not rows:
        return []  # the embedded engine tells no types then
    assert types.count("Float64") == 1, types
    texts = [kind for kind in types if kind != "Float64"]
    assert set(texts) <= {"String", "LowCardinality(String)"}, types
    at = types.index("Float64")
    assert all(row[at] == row[at] for row in rows), "NaN fires nothing"
    labels = [tuple(text for n, text in enumerate(row) if n != at) for row in rows]
    assert len(set(labels)) == len(labels), "two rows with the same labels are an error"
    return [("/".join(label), row[at]) for label, row in zip(labels, rows, strict=True)]


def fires(uid: str, ch: ClickHouse) -> list[str]:
    """The labels of the rows beyond the threshold; "no data" where that fires."""
    alert = BY_UID[uid]
    rows = rows_of(alert, ch)
    if not rows:
        return ["no data"] if alert.no_data == "Alerting" else []
    if alert.above is not None:
        return [label for label, value in rows if value > alert.above]
    assert alert.below is not None
    return [label for label, value in rows if value < alert.below]


def test_nothing_fires_where_all_is_well(house: House) -> None:
    house.healthy()
    assert {uid: fires(uid, house.ch) for uid in BY_UID} == {uid: [] for uid in BY_UID}


def test_nothing_fires_where_nobody_is_connected(house: House) -> None:
    house.worker()
    house.collector()
    assert {uid: fires(uid, house.ch) for uid in BY_UID} == {uid: [] for uid in BY_UID}


def test_an_instance_that_is_down_is_told_by_its_silence(house: House) -> None:
    assert {uid for uid in BY_UID if fires(uid, house.ch)} == {"part-silent", "collecting"}


def test_a_database_that_is_gone_is_an_error_and_so_an_alert(house: House) -> None:
    server = ChdbHttpServer(Served(chdb_folder()))
    away = ClickHouse(ClickHouseSettings(url=server.start(), database=house.ch.database))
    try:
        assert fires("database", away) == []
        server.stop()
        with pytest.raises(StoreUnavailable):
            fires("database", away)
    finally:
        away.close()


@pytest.mark.parametrize("part", ["worker", "collector"])
def test_a_part_that_fell_silent(house: House, part: str) -> None:
    house.worker(until=400 if part == "worker" else 5)
    house.collector(ago=400 if part == "collector" else 5)
    assert fires("part-silent", house.ch) == [part]


def test_a_worker_that_was_replaced_is_not_missed(house: House) -> None:
    house.measured("worker", 500, Measurement("stored", 1), process="old")
    house.measured("worker", 5, Measurement("stored", 1), process="new")
    assert fires("part-silent", house.ch) == []


def test_a_listener_who_is_not_collected(house: House) -> None:
    house.collector(age=HOUR + 700)
    assert fires("collecting", house.ch) == ["Ada"]
    assert dict(rows_of(BY_UID["collecting"], house.ch))["Ben's"] == pytest.approx(45, abs=30)


def test_the_age_grows_on_while_the_collector_says_nothing(house: House) -> None:
    house.collector(ago=5 * MINUTE, age=HOUR - 2 * MINUTE)
    assert fires("collecting", house.ch) == ["Ada"]


def test_a_listener_who_hears_nothing_is_asked_once_an_hour_and_that_is_well() -> None:
    """The pause is at most an hour and a tenth; the rule waits longer than what that is over an hour."""
    assert BY_UID["collecting"].above == HOUR
    assert BY_UID["collecting"].hold == "10m"


def test_a_record_that_nobody_takes_up(house: House) -> None:
    house.worker(lag=1, read=0)
    assert fires("lag", house.ch) == [QUEUE]


def test_a_worker_that_is_slower_than_what_comes(house: House) -> None:
    house.worker(lag=5_000, read=100)
    assert fires("lag", house.ch) == [QUEUE]


def test_a_full_pipe_that_flows_is_no_lag(house: House) -> None:
    house.worker(lag=50_000, read=600_000)
    assert fires("lag", house.ch) == []


def test_a_peak_that_is_over_is_no_lag(house: House) -> None:
    house.worker(lag=900_000, read=10, since=10 * MINUTE)
    house.measured("worker", 3, Measurement("lag", 0, QUEUE))
    assert fires("lag", house.ch) == []


def test_refused_records_by_reason_until_they_are_resolved(house: House) -> None:
    house.healthy()
    house.refused(10, "bad-value", HOUR)
    house.refused(11, "bad-value", HOUR)
    house.refused(12, "too-large", HOUR)
    assert rows_of(BY_UID["dead-letters"], house.ch) == [("bad-value", 2.0), ("too-large", 1.0)]
    assert fires("dead-letters", house.ch) == ["bad-value", "too-large"]
    now = datetime.now(UTC)
    replays = ["dead_letter_id", "version", "replayed_at", "resolved_at"]
    house.ch.insert("replays", replays, [[12, 1, now, now]])
    assert fires("dead-letters", house.ch) == ["bad-value"]


def test_a_listener_whose_connection_is_dead(house: House) -> None:
    house.collector(ago=60, connection="ok")
    house.collector(ago=5, connection="reconnect")
    assert fires("sign-in", house.ch) == ["Ada"]
    house.collector(ago=1, connection="ok")
    assert fires("sign-in", house.ch) == []


def test_a_connection_that_ends_soon(house: House) -> None:
    house.collector(left=13 * DAY)
    assert fires("token", house.ch) == ["Ada"]
    assert dict(rows_of(BY_UID["token"], house.ch))["Ben's"] == pytest.approx(150)


def test_the_wall_of_the_quota(house: House) -> None:
    house.collector(ago=60, blocked=70_000)
    assert fires("quota", house.ch) == [""]
    house.collector(ago=5, blocked=0)
    assert fires("quota", house.ch) == []


def test_a_short_pause_is_no_wall(house: House) -> None:
    house.collector(blocked=30)
    assert fires("quota", house.ch) == []
