from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from streams.contracts.record import Record
from streams.contracts.topics import LISTENER_COMMAND, PLAY_RECORDED
from streams.latency import ArrayHistogram, RecentLatency
from streams.metrics import BACKLOG, Metrics, published_ms


@given(st.lists(st.floats(0.002, 500), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_quantile_is_right_within_its_bucket(durations: list[float], share: float) -> None:
    recent = RecentLatency()
    recent.add(0.0, np.array(durations))
    (found,) = recent.quantile(0.0, share)
    ordered = sorted(durations)
    rank = next(at for at in range(len(ordered)) if at + 1 >= share * len(ordered))
    assert found == pytest.approx(ordered[rank], rel=0.0501)


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    recent = RecentLatency()
    recent.add(0.0, np.array([9.0]))
    recent.add(59.0, np.array([0.1]))
    assert recent.quantile(59.0, 1.0) == [pytest.approx(9.0, rel=0.06)]
    assert recent.quantile(61.0, 1.0) == [pytest.approx(0.1, rel=0.06)]
    assert recent.quantile(200.0, 0.5, 0.99) == [None, None]


def test_snapshot_counts_plays_and_not_commands() -> None:
    metrics = Metrics()
    empty = metrics.snapshot()
    assert (empty.plays_in, empty.lag, empty.p99) == (0, None, None)
    metrics.worked(PLAY_RECORDED.name, 10, 0.2, stored=7, known=2, refused=1, plays=7)
    metrics.worked(LISTENER_COMMAND.name, 3, 0.1, stored=9, plays=5)
    metrics.published(7)
    metrics.lag("group", {("a", 0): 4, ("a", 1): 2})
    seen = metrics.snapshot()
    assert (seen.plays_in, seen.stored, seen.known, seen.refused, seen.plays) == (10, 7, 2, 1, 12)
    assert (seen.enriched, seen.lag) == (7, 6)


def test_the_live_figure_leaves_backlogs_out() -> None:
    metrics = Metrics()
    metrics.queryable(np.full(5, 1_000, np.int64), now_ms=4_000)
    metrics.queryable(np.full(BACKLOG, 1_000, np.int64), now_ms=5_000)
    assert metrics.snapshot().p99 is None
    metrics.queryable(np.array([4_900, 4_950], np.int64), now_ms=9_000)  # waited for the backlog
    assert metrics.snapshot().p99 is None
    metrics.queryable(np.array([4_990, 8_800], np.int64), now_ms=9_000)
    assert metrics.snapshot().p99 == pytest.approx(0.2, rel=0.06)
    assert f"publish_to_queryable_seconds_count {BACKLOG + 9}.0" in generate_latest(metrics.registry).decode()


def test_prometheus_reads_it() -> None:
    metrics = Metrics()
    metrics.lag("spotifire-worker", {("music.play.recorded.v1", 3): 12})
    records = [Record("t", 0, 0, at, None, None) for at in (1_000, 1_000, 900)]
    metrics.queryable(published_ms(records), now_ms=1_500)
    metrics.inserted(0.02)
    text = generate_latest(metrics.registry).decode()
    assert (
        'kafka_consumergroup_lag{consumergroup="spotifire-worker",partition="3",topic="music.play.recorded.v1"} 12.0'
        in text
    )
    assert "spotifire_publish_to_queryable_seconds_count 3.0" in text
    assert 'spotifire_insert_seconds_bucket{le="0.025"} 1.0' in text


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.1, 0.25, 0.3, 1.0, 1.5, 7.0]), max_size=50))
def test_a_histogram_fed_with_arrays_is_prometheus_own(values: list[float]) -> None:
    bounds = (0.1, 0.25, 1.0)
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    arrays = ArrayHistogram("seconds", "Said.", bounds, ours)
    single = Histogram("seconds", "Said.", buckets=bounds, registry=theirs)
    arrays.observe(np.array(values[: len(values) // 2], float))
    arrays.observe(np.array(values[len(values) // 2 :], float))
    for value in values:
        single.observe(value)
    for bound in ("0.1", "0.25", "1.0", "+Inf"):
        found, wanted = (each.get_sample_value("seconds_bucket", {"le": bound}) for each in (ours, theirs))
        assert found == wanted
    assert ours.get_sample_value("seconds_count") == theirs.get_sample_value("seconds_count")
    assert ours.get_sample_value("seconds_sum") == pytest.approx(theirs.get_sample_value("seconds_sum"))
    samples = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines()[:2] == samples[:2]


def test_two_workers_in_one_process_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.worked(PLAY_RECORDED.name, 1, 0.1, stored=1)
    assert second.snapshot().stored == 0
