from __future__ import annotations

import random

import pytest

from producers.spotify.errors import QuotaExceeded
from producers.spotify.pacing import EVERYTHING, Blocks, Pace, after_failure, after_playback, after_plays, vary
from streams.contracts.errors import SourceUnavailable

PACE = Pace()


@pytest.mark.parametrize(
    ("age", "pause"), [(0, 720), (-50, 720), (719, 720), (1_800, 1_800), (86_400, 3_600), (None, 3_600)]
)
def test_the_pause_grows_with_the_silence(age: float | None, pause: float) -> None:
    assert after_plays(PACE, age) == pause


def test_no_play_falls_off_the_list_while_somebody_listens() -> None:
    """50 plays of 30 s are 25 minutes: the longest pause while active must stay below."""
    assert after_plays(PACE, PACE.active_s) * (1 + PACE.jitter) < 50 * 30


@pytest.mark.parametrize(
    ("playing", "remaining", "pause"),
    [(True, 10, 12), (True, 500, 60), (True, None, 60), (True, -5, 2), (False, None, 240), (False, 10, 240)],
)
def test_now_playing_is_asked_when_the_track_ends(playing: bool, remaining: float | None, pause: float) -> None:
    assert after_playback(PACE, playing, remaining) == pause


def test_failures_wait_longer_and_longer_and_not_for_ever() -> None:
    waits = [after_failure(PACE, n) for n in range(1, 2_000)]
    assert waits[:4] == [5, 10, 20, 40]
    assert waits == sorted(waits)
    assert waits[-1] == 900


def test_the_jitter_stays_in_its_bounds() -> None:
    dice = random.Random(1)
    paused = [vary(PACE, 100, dice) for _ in range(1_000)]
    assert 90 <= min(paused) < 95
    assert 105 < max(paused) <= 110


def test_blocks_end_by_themselves_and_never_become_shorter() -> None:
    now = [1_000_000]
    blocks = Blocks(lambda: now[0])
    assert blocks.until("app", "player") is None
    assert blocks.block("app", "player", 100) == 1_100_000
    assert blocks.block("app", "player", 5) == 1_100_000
    with pytest.raises(QuotaExceeded):
        blocks.check("app", "player")
    blocks.check("app", "profile")
    blocks.check("another", "player")
    blocks.block("app", EVERYTHING, 7)
    with pytest.raises(SourceUnavailable) as told:
        blocks.check("app", "profile")
    assert told.value.retry_after == 7
    assert blocks.told() == {"rate": 1, "quota": 2}
    now[0] += 100_000
    blocks.check("app", "player")
    assert blocks.until("app", "player") is None
