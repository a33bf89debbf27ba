from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from producers.spotify.collector import Collector, CollectorSettings
from producers.spotify.errors import ReconnectNeeded
from producers.spotify.fake.troubles import Fault
from producers.spotify.health import ListenerHealth
from producers.spotify.pacing import Pace
from streams.contracts.errors import BrokerUnavailable
from streams.contracts.ids import to_hex
from streams.contracts.topics import Topic

from .conftest import Bench, StraightIn
from .test_plays import ids, listed

RECENT = "/v1/me/player/recently-played"
PLAYING = "/v1/me/player/currently-playing"
QUICK = Pace(active_s=0.2, idle_s=0.2, after_change_s=0.1, playing_s=0.3, silent_s=0.3, retry_s=0.1, retry_most_s=0.4)


def collector(bench: Bench, publisher: StraightIn, pace: Pace = QUICK, watch_s: float = 0.1) -> Collector:
    settings = CollectorSettings(spotify=bench.settings, pace=pace, watch_s=watch_s)
    return Collector(
        settings, bench.connections, bench.collected, bench.library, publisher, bench.vault, clock=bench.clock
    )


@asynccontextmanager
async def running(one: Collector) -> AsyncIterator[Collector]:
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def of(one: Collector, listener: int) -> ListenerHealth | None:
    return next((health for health in one.health() if health.listener == to_hex(listener)), None)


async def until(what: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.02)


def state(one: Collector, listener: int) -> str:
    health = of(one, listener)
    return health.state if health else "absent"


async def test_connected_listeners_are_collected_and_new_plays_follow(bench: Bench, straight_in: StraightIn) -> None:
    first, second = bench.add("Ada"), bench.add("Bo")
    bench.connect(first, 0)
    bench.connect(second, 1)
    async with running(collector(bench, straight_in)) as one:
        await until(lambda: len(bench.stored(first)) == 50 and len(bench.stored(second)) == 50)
        bench.music.advance(3_600)
        wanted = ids(first, listed(bench))
        before = set(bench.stored(first))
        await until(lambda: set(bench.stored(first)) > before and set(bench.stored(first)) <= wanted)
        await until(lambda: {event.listener for event in straight_in.playback} == {to_hex(first), to_hex(second)})
        for listener in (first, second):
            health = of(one, listener)
            assert health is not None
            assert (health.state, health.last_error, health.failures, health.blocked_until) == ("ok", "", 0, None)
            assert health.last_good_at is not None
            assert health.token_expires_at is not None
            assert health.next_poll_at is not None
            assert health.published >= 50
            assert health.warning == ""


async def test_a_new_connection_is_taken_up_at_once_and_a_removed_one_dropped(
    bench: Bench, straight_in: StraightIn
) -> None:
    listener = bench.add()
    async with running(collector(bench, straight_in, watch_s=60)) as one:
        await asyncio.sleep(0.3)
        bench.connect(listener)
        one.connections_changed()
        await until(lambda: len(bench.stored(listener)) == 50)
        bench.connections.remove(listener)
        one.connections_changed()
        await until(lambda: one.health() == ())
        asked = len(bench.fake.calls)
        await asyncio.sleep(0.6)
        assert len(bench.fake.calls) <= asked + 1  # a call that was under way


async def test_a_dead_token_shows_is_never_tried_again_and_stops_nobody_else(
    bench: Bench, straight_in: StraightIn
) -> None:
    first, second = bench.add("Ada"), bench.add("Bo")
    bench.connect(first, 0)
    bench.connect(second, 1)
    bench.fake.revoke(bench.account(0))
    async with running(collector(bench, straight_in)) as one:
        await until(lambda: state(one, first) == "reconnect" and state(one, second) == "ok")
        health = of(one, first)
        assert health is not None
        assert "no longer accepts" in health.last_error
        assert health.next_poll_at is None
        calls = health.calls
        await asyncio.sleep(0.8)
        health = of(one, first)
        assert health is not None
        assert health.calls == calls
        assert state(one, second) == "ok"
        bench.clock.advance(1)
        bench.connect(first, 0)
        await until(lambda: state(one, first) == "ok")
        assert len(bench.stored(first)) == 50


async def test_one_listeners_fault_is_loud_and_stops_nobody_else(bench: Bench, straight_in: StraightIn) -> None:
    first, second = bench.add("Ada"), bench.add("Bo")
    bench.connect(first, 0)
    bench.connect(second, 1)

    class Picky(StraightIn):
        async def publish(self, topic: Topic, event: Any, **more: Any) -> None:
            if event.listener == to_hex(first):
                raise ZeroDivisionError("a fault of ours")
            await super().publish(topic, event, **more)

    async with running(collector(bench, Picky(straight_in.pipeline))) as one:
        await until(lambda: state(one, first) == "failing" and len(bench.stored(second)) == 50)
        health = of(one, first)
        assert health is not None
        assert "ZeroDivisionError" in health.last_error
        await until(lambda: (of(one, first) or health).failures > 1)
        assert state(one, second) == "ok"


async def test_a_quota_shows_until_when_and_nothing_is_asked_before(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    bench.fake.script(RECENT, Fault(status=429, reason="QUOTA_EXCEEDED", retry_after="500"))
    async with running(collector(bench, straight_in)) as one:
        await until(lambda: state(one, listener) == "blocked")
        health = of(one, listener)
        assert health is not None
        assert health.blocked_until is not None
        assert 490_000 < health.blocked_until - bench.clock() <= 500_000
        assert "quota" in health.last_error
        assert one.told_to_wait() == {"rate": 0, "quota": 1}
        asked = len(bench.fake.calls)
        await asyncio.sleep(0.8)
        assert len(bench.fake.calls) == asked


async def test_after_the_block_it_goes_on_by_itself(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    bench.fake.script(RECENT, Fault(status=429, retry_after="2"))
    async with running(collector(bench, straight_in)) as one:
        await until(lambda: state(one, listener) == "blocked")
        await until(lambda: state(one, listener) == "ok" and len(bench.stored(listener)) == 50)
    times = [call.at for call in bench.fake.calls]
    statuses = [call.status for call in bench.fake.calls]
    throttled = statuses.index(429)
    assert times[throttled + 1] - times[throttled] >= 1.9


async def test_a_failing_kind_of_poll_is_not_hidden_by_one_that_works(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    bench.fake.script(RECENT, *[Fault(status=403, message="Forbidden for you")] * 50)
    async with running(collector(bench, straight_in)) as one:
        await until(lambda: sum(call.path == PLAYING and call.status in (200, 204) for call in bench.fake.calls) > 1)
        health = of(one, listener)
        assert health is not None
        assert health.state == "failing"
        assert "403" in health.last_error


async def test_a_broker_that_is_down_is_waited_for(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)

    class Down(StraightIn):
        down = True

        async def publish(self, topic: Topic, event: Any, **more: Any) -> None:
            if self.down:
                raise BrokerUnavailable("Kafka is down.")
            await super().publish(topic, event, **more)

    publisher = Down(straight_in.pipeline)
    async with running(collector(bench, publisher)) as one:
        await until(lambda: state(one, listener) == "failing")
        publisher.down = False
        await until(lambda: len(bench.stored(listener)) == 50 and state(one, listener) == "ok")


async def test_it_warns_before_the_connection_ends(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    bench.clock.advance(170 * 86_400)
    async with running(collector(bench, straight_in)) as one:
        await until(lambda: state(one, listener) != "absent")
        health = of(one, listener)
        assert health is not None
        assert "connect again" in health.warning


async def test_it_stops_while_a_call_is_under_way(bench: Bench, straight_in: StraightIn) -> None:
    listener = bench.add()
    bench.connect(listener)
    bench.fake.script(RECENT, Fault(status=200, body="{}", delay_s=1.5))
    one = collector(bench, straight_in)
    task = asyncio.create_task(one.run())
    await until(lambda: state(one, listener) == "starting" and (of(one, listener) or one.health()[0]).calls > 0)
    task.cancel()
    async with asyncio.timeout(1.0):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not [other for other in asyncio.all_tasks() if other.get_name().startswith("collect-")]


async def test_a_reconnect_that_stands_in_the_table_is_shown_without_asking(
    bench: Bench, straight_in: StraightIn
) -> None:
    listener = bench.add()
    bench.connect(listener)
    bench.fake.revoke(bench.account())
    with pytest.raises(ReconnectNeeded):
        bench.tokens.access(listener)
    async with running(collector(bench, straight_in)) as one:
        await until(lambda: state(one, listener) == "reconnect")
        assert bench.fake.calls[-1].path.rstrip("/") == "/v1/me"  # of the connect; nothing since
