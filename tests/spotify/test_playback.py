from __future__ import annotations

import itertools

import pytest

from producers.spotify.answers import HeardTrack, NowPlaying
from producers.spotify.playback import NowPlayingPoller, changed, differs
from streams.contracts import codec
from streams.contracts.events import Artist, PlaybackChanged

from .conftest import Bench, StraightIn, moments

TRACK = HeardTrack(uri="spotify:track:a", title="A", artists=(Artist("Ann", "1"),), duration_ms=200_000)
NOW = 1_767_323_045_678


async def test_changes_are_published_and_nothing_else(bench: Bench, straight_in: StraightIn) -> None:
    bench.connect(7)
    poller = NowPlayingPoller(7, bench.client, straight_in, bench.clock)
    for _, at in moments(bench.fake, bench.music):
        seconds = (at - bench.music()) / 1000
        bench.music.advance(seconds)
        bench.clock.advance(seconds)
        truth = bench.fake.timeline(bench.account()).playing(at)
        for step in range(2):
            published = len(straight_in.playback)
            seen = await poller.poll_once()
            if step:
                assert len(straight_in.playback) == published
            event = straight_in.playback[-1]
            music = truth is not None and truth.track.kind != "ad"
            assert event.is_playing == seen.is_playing == music
            assert event.uri == (truth.track.uri if truth and music else "")
            assert codec.decode_value(PlaybackChanged, codec.encode(event), now=bench.clock()) == event
            if step == 0:
                bench.music.advance(0.2)
                bench.clock.advance(0.2)


async def test_the_next_track_is_seen_as_a_change(bench: Bench, straight_in: StraightIn) -> None:
    bench.connect(7)
    plays = bench.fake.timeline(bench.account()).until(bench.music() + 86_400_000)
    first, second = next(
        (one, two)
        for one, two in itertools.pairwise(plays)
        if one.start > bench.music()
        and {one.track.kind, two.track.kind} == {"track"}
        and one.track != two.track
        and two.start - one.end < 3_000
    )
    poller = NowPlayingPoller(7, bench.client, straight_in, bench.clock)
    bench.music.advance((first.start + 1_000 - bench.music()) / 1000)
    seen = await poller.poll_once()
    assert not seen.track_changed
    assert seen.remaining_s == pytest.approx((first.track.duration_ms - 1_000) / 1000)
    bench.music.advance((second.start + 1_000 - bench.music()) / 1000)
    assert (await poller.poll_once()).track_changed


def event(progress: int | None, at: int = NOW, track: HeardTrack | None = TRACK) -> PlaybackChanged:
    return changed(7, NowPlaying(is_playing=track is not None, track=track, progress_ms=progress), at)


def test_a_track_that_runs_on_is_no_change_and_a_seek_is() -> None:
    assert not differs(event(1_000), event(61_000, NOW + 60_000))
    assert not differs(event(1_000), event(66_000, NOW + 60_000))
    assert differs(event(1_000), event(90_000, NOW + 60_000))
    assert differs(event(190_000), event(1_000, NOW + 60_000))  # the same track once more
    assert not differs(event(None), event(5_000, NOW + 60_000))
    assert not differs(event(1_000), event(None, NOW + 60_000))


def test_starting_stopping_and_another_track_are_changes() -> None:
    idle = event(None, track=None)
    assert differs(idle, event(0))
    assert differs(event(0), idle)
    assert not differs(idle, event(None, NOW + 1, track=None))
    other = HeardTrack(uri="spotify:track:b", title="B")
    assert differs(event(0), event(0, NOW, other))
