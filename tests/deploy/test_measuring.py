"""What worker and collector measure of themselves, as it reaches the real engine."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress

import numpy as np
import pytest

from deploy import measuring
from deploy.measuring import LISTENERS, Measuring, Round, of_collector, of_worker
from producers.spotify.health import ListenerHealth
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.erase import erase_listener
from sinks.measurements import Measurement
from streams.contracts.errors import StoreUnavailable
from streams.contracts.ids import to_hex
from streams.contracts.topics import PLAY_RECORDED
from streams.metrics import Metrics

NOW = int(time.time()) * 1000  # Unix ms UTC; older rows would be dropped for their age
TOPIC = PLAY_RECORDED.name

Figures = dict[tuple[str, str], float]


def sums(ch: ClickHouse, part: str) -> Figures:
    rows = ch.query(
        "SELECT measure, label, sum(value) FROM v_measurements WHERE part = {p:String} GROUP BY ALL", {"p": part}
    )
    return {(measure, label): value for measure, label, value in rows}


def healthy(listener: int, **changed: object) -> ListenerHealth:
    told = {"listener": to_hex(listener), "client_id": "app", "state": "ok", "last_good_at": NOW - 60_000, "calls": 3}
    return ListenerHealth(**{**told, **changed})  # type: ignore[arg-type]


def test_a_workers_counters_are_told_once_and_its_lag_as_it_is(clickhouse: ClickHouse) -> None:
    metrics = Metrics()
    measured = Measuring(clickhouse, "worker", lambda: of_worker(metrics.registry))
    metrics.worked(TOPIC, 10, 0.2, stored=7, known=2, refused=1, plays=7)
    metrics.published(7)
    metrics.lag("spotifire", {(TOPIC, 0): 4, (TOPIC, 1): 2})
    metrics.queryable(np.array([NOW - 200, NOW - 200, NOW - 9_000]), now_ms=NOW)
    measured.write(NOW)
    measured.write(NOW + 10_000)  # nothing came
    metrics.worked(TOPIC, 5, 0.2, stored=5, plays=5)
    metrics.lag("spotifire", {(TOPIC, 0): 0, (TOPIC, 1): 1})
    measured.write(NOW + 20_000)
    found = sums(clickhouse, "worker")
    assert [found[name, ""] for name in ("stored", "known", "refused", "plays", "enriched")] == [12, 2, 1, 12, 7]
    assert found["read", TOPIC] == 15
    assert {label: value for (name, label), value in found.items() if name == "queryable"} == {
        "0.1 0.25": 2,
        "5.0 10.0": 1,
    }
    lags = clickhouse.query("SELECT value, label FROM v_measurements WHERE measure = 'lag' ORDER BY measured_at")
    assert lags == [(value, f"spotifire/{TOPIC}") for value in (6, 6, 1)]


def test_what_could_not_be_written_is_in_the_next_round(clickhouse: ClickHouse) -> None:
    metrics = Metrics()
    away = ClickHouse(ClickHouseSettings(url="http://127.0.0.1:9", database="x"))
    measured = Measuring(away, "worker", lambda: of_worker(metrics.registry))
    metrics.worked(TOPIC, 10, 0.2, stored=7)
    with pytest.raises(StoreUnavailable):
        measured.write(NOW)
    measured._ch = clickhouse
    metrics.worked(TOPIC, 1, 0.2, stored=1)
    measured.write(NOW + 10_000)
    assert sums(clickhouse, "worker")["stored", ""] == 8
    away.close()


def test_a_round_that_is_written_twice_counts_once(clickhouse: ClickHouse) -> None:
    metrics = Metrics()
    metrics.worked(TOPIC, 10, 0.2, stored=7)
    measured = Measuring(clickhouse, "worker", lambda: of_worker(metrics.registry))
    measured.write(NOW)
    measured._written = {}
    measured.write(NOW)
    assert sums(clickhouse, "worker")["stored", ""] == 7


def test_the_collector_tells_of_each_listener(clickhouse: ClickHouse) -> None:
    everyone = [
        healthy(1, token_expires_at=NOW + 86_400_000),
        healthy(2, state="starting", last_good_at=None, blocked_until=NOW + 30_000),
        healthy(3, state="reconnect", last_good_at=None, token_expires_at=NOW),
    ]
    told = Counter(rate=2, quota=0)
    measured = Measuring(clickhouse, "collector", lambda: of_collector(everyone, told, NOW - 5_000, NOW))
    measured.write(NOW)
    rows = clickhouse.query(
        "SELECT listener, measure, label, value FROM v_measurements WHERE part = 'collector' ORDER BY ALL"
    )
    assert rows == [
        (0, "blocked", "", 30), (0, "polls", "", 9), (0, "told_to_wait", "quota", 0), (0, "told_to_wait", "rate", 2),
        (1, "connection", "ok", 1), (1, "poll_age", "", 60), (1, "token_left", "", 86_400),
        (2, "connection", "starting", 1), (2, "poll_age", "", 5),
        (3, "connection", "reconnect", 1),
    ]  # fmt: skip


def test_of_many_listeners_those_are_told_of_who_were_not_heard_of_for_longest() -> None:
    figures, _ = of_collector([healthy(n, last_good_at=NOW - n) for n in range(1, 100)], {}, NOW, NOW)
    assert len(figures) <= 1 + 3 * LISTENERS
    assert {figure.listener for figure in figures} == {0, *range(100 - LISTENERS, 100)}


def test_an_erased_listener_is_measured_no_longer(clickhouse: ClickHouse) -> None:
    Measuring(clickhouse, "collector", lambda: of_collector([healthy(1), healthy(2)], {}, NOW, NOW)).write(NOW)
    assert erase_listener(clickhouse, 1)["measurements"] == 2
    assert clickhouse.query("SELECT DISTINCT listener FROM measurements WHERE listener != 0") == [(2,)]


async def test_nothing_ends_with_it(clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is away, then our own code fails, then all is well again."""
    monkeypatch.setattr(measuring, "EVERY", 0.01)
    rounds = 0

    def figures() -> Round:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise StoreUnavailable("away")
        if rounds == 2:
            raise ZeroDivisionError
        return [Measurement("blocked", rounds)], {}

    task = asyncio.create_task(Measuring(clickhouse, "collector", figures).run())
    until = time.monotonic() + 20
    while not await asyncio.to_thread(clickhouse.scalar, "SELECT count() FROM measurements WHERE value >= 3"):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
