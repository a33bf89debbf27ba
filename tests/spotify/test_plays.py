"""The poller against the fake, into the real pipeline and the real store: sets of ids, not counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from producers.spotify.answers import HeardPlay, HeardTrack
from producers.spotify.errors import QuotaExceeded
from producers.spotify.fake.clock import ManualClock
from producers.spotify.fake.people import Person
from producers.spotify.fake.server import make_people
from producers.spotify.fake.troubles import NASTY, Fault
from producers.spotify.fake.world import FakePlay, Habits
from producers.spotify.plays import Polled, RecentlyPlayedPoller, gap_before, recorded, sighting_id_of
from sinks.clickhouse import ClickHouse
from streams.contracts.errors import SourceUnavailable, StoreUnavailable
from streams.contracts.events import Artist
from streams.contracts.ids import sighting_id
from streams.contracts.ports import Collected

from .conftest import Bench, MakeFake, MovingClock, StraightIn

T = TypeVar("T")
RECENT = "/v1/me/player/recently-played"
BUSY = Habits(session=(10, 25), pause_s=(60.0, 900.0))


def ids(listener: int, plays: list[FakePlay]) -> set[int]:
    """The ids that the formula gives these plays, worked out from the fake's own truth."""
    return {
        sighting_id(
            listener,
            "spotify.recently-played",
            play.played_at,
            play.track.uri,
            play.track.artists[0].name,
            play.track.name,
            None,
        )
        for play in plays
    }


def listed(bench: Bench) -> list[FakePlay]:
    """What the fake played, lists at all, and lists by now."""
    now = bench.music()
    return [play for play in bench.fake.played(bench.account()) if play.listed and play.appears_at <= now]


async def poll(poller: RecentlyPlayedPoller, bench: Bench) -> Polled | None:
    """One poll as the collector does it: what cannot be had now is had later."""
    try:
        return await poller.poll_once()
    except (SourceUnavailable, QuotaExceeded) as error:
        bench.clock.advance((error.retry_after or 0) + 0.01)
        return None


async def test_the_first_sync_stores_the_last_fifty_and_calls_it_no_gap(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    polled = await bench.poller(listener, straight_in).poll_once()
    assert (polled.published, polled.listed, polled.gap) == (50, 50, None)
    assert set(bench.stored(listener)) == ids(listener, listed(bench)[-50:])
    ends = [event.reported_end for event in straight_in.plays]
    assert ends == sorted(ends)


async def test_what_a_play_says_arrives_in_the_store(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    await bench.poller(listener, straight_in).poll_once()
    rows = bench.ch.query(
        "SELECT toUnixTimestamp64Milli(reported_end), uri, title, artist_ids, album, isrc, duration_ms, ms_played, "
        "release_date, explicit, source, started_at FROM sightings FINAL WHERE listener = {l:UInt64}",
        {"l": listener},
    )
    truth = {play.played_at: play.track for play in listed(bench)}
    assert len(rows) == 50
    for end, uri, title, artists, album, isrc, duration, played, release, explicit, source, started in rows:
        track = truth[end]
        assert (uri, title, album, isrc) == (track.uri, track.name, track.album, track.isrc)
        assert artists == [artist.id for artist in track.artists]
        assert (duration, release, explicit) == (track.duration_ms, track.release_date, track.explicit)
        assert (played, started, source) == (None, None, "spotify.recently-played")


async def test_a_second_poll_publishes_nothing(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    poller = bench.poller(listener, straight_in)
    await poller.poll_once()
    assert (await poller.poll_once()).published == 0
    assert len(straight_in.plays) == 50


@pytest.mark.parametrize("seed", [1, 2])
async def test_with_everything_going_wrong_the_ids_are_those_that_were_played(
    make_fake: MakeFake,
    music: ManualClock,
    clock: MovingClock,
    clickhouse: ClickHouse,
    straight_in: StraightIn,
    seed: int,
) -> None:
    """Throttles, 502s, dying tokens, stale lists, late plays, and a kill every few polls."""
    people = tuple(
        Person(account_id=one.account_id, user_id=one.user_id, name=one.name, habits=BUSY) for one in make_people()
    )
    bench = Bench(make_fake(troubles=NASTY, people=people, seed=seed), music, clock, clickhouse)
    listener = bench.add()
    while bench.connections.get(listener) is None:
        try:
            bench.connect(listener)
        except SourceUnavailable:
            continue
    poller = bench.poller(listener, straight_in)
    gaps: list[tuple[int, int]] = []
    failed = 0
    # a late play can miss the first list only near its far end
    since = listed(bench)[-25].played_at
    for turn in range(60):
        polled = await poll(poller, bench)
        if polled is None:
            failed += 1
        elif polled.gap:
            gaps.append(polled.gap)
        music.advance(900)
        if turn % 7 == 6:  # killed: whatever it remembered is gone
            poller = bench.poller(listener, straight_in)
    bench.fake._trouble.troubles = type(NASTY)()
    music.advance(1_800)
    await poller.poll_once()
    wanted = {play for play in listed(bench) if play.played_at >= since}
    missed = {play for play in wanted if any(start < play.played_at < end for start, end in gaps)}
    assert failed > 3
    assert len(wanted) > 150
    assert len(missed) < len(wanted) / 4
    stored = bench.stored(listener)
    assert len(stored) == len(set(stored))
    assert ids(listener, list(wanted - missed)) <= set(stored)
    assert set(stored) == ids(listener, bench.fake.shown(bench.account()))
    assert straight_in.refused == 0


async def test_a_kill_in_the_middle_of_publishing_loses_nothing_and_adds_nothing(
    bench: Bench, straight_in: StraightIn
) -> None:
    listener = bench.add()
    bench.connect(listener)

    class Killed(Exception):
        pass

    class DiesAfter(StraightIn):
        async def publish(self, *args: Any, **kwargs: Any) -> None:
            if len(self.plays) == 20:
                await self.flush()  # as if the broker had those that came before
                raise Killed
            await super().publish(*args, **kwargs)

    with pytest.raises(Killed):
        await bench.poller(listener, DiesAfter(straight_in.pipeline)).poll_once()
    assert len(bench.stored(listener)) == 20
    polled = await bench.poller(listener, straight_in).poll_once()
    assert (polled.published, polled.gap) == (30, None)
    assert sorted(bench.stored(listener)) == sorted(ids(listener, listed(bench)[-50:]))


async def test_more_than_fifty_plays_between_two_polls_are_a_gap(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    await bench.poller(listener, straight_in).poll_once()
    before = listed(bench)[-1].played_at
    bench.music.advance(2 * 86_400)
    polled = await bench.poller(listener, straight_in).poll_once()  # after a restart, too
    oldest = listed(bench)[-50].played_at
    assert polled.gap == (before, oldest)
    rows = bench.ch.query(
        "SELECT toUnixTimestamp64Milli(gap_start), toUnixTimestamp64Milli(gap_end), source FROM v_gaps "
        "WHERE listener = {l:UInt64}",
        {"l": listener},
    )
    assert [tuple(row) for row in rows] == [(before, oldest, "spotify.recently-played")]
    lost = [play for play in listed(bench) if before < play.played_at < oldest]
    assert lost
    assert not ids(listener, lost) & set(bench.stored(listener))


async def test_the_gap_is_noted_before_the_plays_that_would_hide_it(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    await bench.poller(listener, straight_in).poll_once()
    bench.music.advance(2 * 86_400)

    class Killed(Exception):
        pass

    class Dies(StraightIn):
        async def flush(self) -> None:
            await super().flush()
            raise Killed

    with pytest.raises(Killed):
        await bench.poller(listener, Dies(straight_in.pipeline)).poll_once()
    count = bench.ch.query("SELECT count() FROM v_gaps WHERE listener = {l:UInt64}", {"l": listener})
    assert count[0][0] == 1


@pytest.mark.parametrize(
    ("before", "oldest", "full", "gap"),
    [
        (None, 100, True, None),
        (99, 100, True, (99, 100)),
        (100, 100, True, None),
        (101, 100, True, None),
        (99, 100, False, None),
    ],
)
def test_what_is_a_gap(before: int | None, oldest: int, full: bool, gap: tuple[int, int] | None) -> None:
    assert gap_before(before, oldest, full) == gap


class Behind:
    """The real rows behind a switch: a ClickHouse that is down."""

    def __init__(self, collected: Collected) -> None:
        self.collected = collected
        self.down = False

    def _through(self, call: Callable[[], T]) -> T:
        if self.down:
            raise StoreUnavailable("ClickHouse is down.")
        return call()

    def newest_end(self, listener: int, source: str) -> int | None:
        return self._through(lambda: self.collected.newest_end(listener, source))

    def ids_since(self, listener: int, source: str, since: int) -> set[int]:
        return self._through(lambda: self.collected.ids_since(listener, source, since))

    def note_gap(self, listener: int, source: str, start: int, end: int) -> None:
        self._through(lambda: self.collected.note_gap(listener, source, start, end))


async def test_plays_are_published_while_the_store_is_down_and_the_gap_is_noted_later(
    bench: Bench, straight_in: StraightIn
) -> None:
    listener = bench.add()
    bench.connect(listener)
    behind = Behind(bench.collected)
    poller = RecentlyPlayedPoller(listener, bench.client, behind, straight_in, bench.clock)
    await poller.poll_once()
    behind.down = True
    bench.music.advance(2 * 86_400)
    polled = await poller.poll_once()
    assert polled.published == 50
    assert polled.gap is not None
    behind.down = False
    await poller.poll_once()
    gaps = bench.ch.query(
        "SELECT toUnixTimestamp64Milli(gap_start) FROM v_gaps WHERE listener = {l:UInt64}", {"l": listener}
    )
    assert [row[0] for row in gaps] == [polled.gap[0]]


async def test_a_poller_that_knows_nothing_waits_for_the_store(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    behind = Behind(bench.collected)
    behind.down = True
    with pytest.raises(StoreUnavailable):
        await RecentlyPlayedPoller(listener, bench.client, behind, straight_in, bench.clock).poll_once()
    assert not straight_in.plays


async def test_plays_that_are_on_their_way_are_not_sent_twice_and_are_no_gap(
    bench: Bench, straight_in: StraightIn
) -> None:
    """The worker may be slow: what is published and not stored yet is still known here."""
    listener = bench.add()
    bench.connect(listener)

    class Slow(StraightIn):
        async def flush(self) -> None:
            return

    slow = Slow(straight_in.pipeline)
    poller = bench.poller(listener, slow)
    await poller.poll_once()
    bench.music.advance(3_600)
    polled = await poller.poll_once()
    assert polled.gap is None
    assert len(slow.plays) == 50 + polled.published
    assert len({event.reported_end for event in slow.plays}) == len(slow.plays)


async def test_a_quota_reaches_the_caller_and_nothing_is_asked_before_it_ends(
    bench: Bench, straight_in: StraightIn
) -> None:
    listener = bench.add()
    bench.connect(listener)
    poller = bench.poller(listener, straight_in)
    bench.fake.script(RECENT, Fault(status=429, reason="QUOTA_EXCEEDED", retry_after="74214"))
    with pytest.raises(QuotaExceeded):
        await poller.poll_once()
    asked = len(bench.fake.calls)
    bench.clock.advance(74_000)
    with pytest.raises(QuotaExceeded):
        await poller.poll_once()
    assert len(bench.fake.calls) == asked
    bench.clock.advance(300)
    assert (await poller.poll_once()).published == 50


async def test_an_empty_list_is_no_error(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    bench.fake.script(RECENT, Fault(status=200, body='{"items": []}'))
    polled = await bench.poller(listener, straight_in).poll_once()
    assert polled == Polled(published=0, listed=0, unreadable=0, newest=None, gap=None)


def test_a_play_without_artists_still_has_an_id_and_an_event() -> None:
    play = HeardPlay(1_767_323_045_678, HeardTrack(uri="spotify:local:::Title:200", title=""))
    assert sighting_id_of(7, play) == sighting_id(
        7, "spotify.recently-played", play.played_at, play.track.uri, "", "", None
    )
    assert recorded(7, play, 1_767_323_100_000).artists == ()
    named = HeardPlay(play.played_at, HeardTrack(uri="", title="T", artists=(Artist("A"),)))
    assert sighting_id_of(7, named) != sighting_id_of(7, play)
