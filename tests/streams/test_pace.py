from __future__ import annotations

import pytest

from streams.pace import ALONE, COMPANY_S, DRAIN_S, LEAST, Pace

MOST = 50_000


def run(pace: Pace, speed: float, seconds: float, *, start: float = 100.0, commit_s: float = 0.2) -> float:
    """A publisher that always has more, and a worker of that speed (records/s) behind it. The time at the end."""
    now, committed, published = start, 0, 0
    done = 0.0
    while now < start + seconds:
        published = max(published, committed + pace.limit)
        done = min(done + speed * 0.05, published)
        if round((now - start) / 0.05) % round(commit_s / 0.05) == 0:
            committed = int(done)
        pace.looked(committed, now)
        if published - committed >= pace.limit:
            pace.waited()
        now += 0.05
    return now


@pytest.mark.parametrize("speed", [5_000, 12_000, 45_000, 70_000])
def test_the_window_is_what_the_worker_commits_in_that_time(speed: int) -> None:
    pace = Pace(MOST)
    run(pace, speed, 30)
    assert pace.limit == pytest.approx(max(LEAST, speed * DRAIN_S), rel=0.3)


def test_a_worker_that_slows_down_and_is_fast_again_is_followed() -> None:
    pace = Pace(MOST)
    now = run(pace, 40_000, 15)
    now = run(pace, 2_000, 15, start=now + 5)
    assert pace.limit == LEAST
    run(pace, 40_000, 15, start=now + 5)
    assert pace.limit == pytest.approx(40_000 * DRAIN_S, rel=0.3)


def test_a_worker_that_is_away_changes_nothing() -> None:
    pace = Pace(MOST)
    before = pace.limit
    for step in range(1000):
        pace.looked(7, 100 + step * 0.05)
        pace.waited()
    assert pace.limit == before


def test_who_publishes_little_says_nothing_about_the_worker() -> None:
    pace = Pace(MOST)
    before = pace.limit
    for step in range(1000):
        pace.looked(step * 3, 100 + step * 0.5)
    assert pace.limit == before


def test_a_pause_between_two_imports_is_not_measured() -> None:
    pace = Pace(MOST)
    run(pace, 40_000, 15)
    before = pace.limit
    pace.looked(10**6, 1000.0)
    pace.waited()
    pace.looked(10**6 + 5, 1000.5)
    assert pace.limit == before


def test_a_small_window_stays_as_small_as_asked() -> None:
    pace = Pace(100)
    run(pace, 40_000, 10)
    assert pace.limit == 100


def test_who_is_alone_may_be_further_ahead() -> None:
    pace = Pace(MOST)
    paced = pace.limit
    pace.acknowledged(100.0, company=False)
    pace.looked(10, 100.1)
    assert pace.limit == paced  # too early to know
    pace.acknowledged(100.6, company=False)
    pace.looked(20, 100.7)
    assert pace.limit == min(MOST, paced * ALONE)
    run(pace, 12_000, 20)
    assert pace.limit == pytest.approx(12_000 * DRAIN_S * ALONE, rel=0.3)


def test_the_first_neighbour_brings_the_pace_back_for_some_minutes() -> None:
    pace = Pace(MOST)
    paced = pace.limit
    pace.acknowledged(100.0, company=False)
    pace.looked(10, 101.0)
    pace.acknowledged(101.1, company=True)
    assert pace.limit == paced
    pace.acknowledged(101.2, company=False)
    pace.looked(20, 101.1 + COMPANY_S - 0.1)
    assert pace.limit == paced
    pace.looked(30, 101.1 + COMPANY_S + 0.1)
    assert pace.limit == min(MOST, paced * ALONE)


def test_nobody_is_alone_who_has_not_published() -> None:
    pace = Pace(MOST)
    paced = pace.limit
    pace.looked(0, 100.0)
    pace.looked(0, 200.0)
    assert pace.limit == paced
