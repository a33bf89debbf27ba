from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec import Struct

from producers.simulator.habits import NIGHT_OWL
from producers.simulator.produce import produce_history, produce_live
from producers.simulator.simulator import Simulator, now_ms
from streams.contracts import codec
from streams.contracts.events import PlaybackChanged, PlayRecorded
from streams.contracts.topics import PLAY_RECORDED, PLAYBACK_CHANGED, Topic

NOON = 1_780_056_000_000  # 2026-05-29T12:00Z


class RecordingPublisher:
    def __init__(self) -> None:
        self.events: list[tuple[Topic, Struct]] = []
        self.settlings = 0
        self.fifty = asyncio.Event()

    async def publish(
        self, topic: Topic, event: Struct, *, key: str | None = None, import_id: str = "", origin: str = ""
    ) -> None:
        self.events.append((topic, event))
        if len(self.events) == 50:
            self.fifty.set()

    async def publish_many(self, topic: Topic, keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> None:
        for key, value in zip(keys, values, strict=True):
            play = codec.decode_value(PlayRecorded, value or b"", now=now_ms())
            assert key == play.listener.encode()
            self.events.append((topic, play))

    async def settled(self) -> None:
        self.settlings += 1


async def live(count: int, *, at: int = NOON) -> list[PlayRecorded | PlaybackChanged]:
    stop, found, ticks = asyncio.Event(), list[PlayRecorded | PlaybackChanged](), iter(range(10**9))
    async for event in Simulator(1).live(stop, plays_per_second=1e6, clock=lambda: at + next(ticks)):
        found.append(event)
        if len(found) >= count:
            stop.set()
    return found


async def test_a_track_begins_then_ends_as_a_play() -> None:
    playing: dict[str, str] = {}
    plays = 0
    for event in await live(600):
        assert codec.decode_value(type(event), codec.encode(event), now=NOON) == event
        if isinstance(event, PlayRecorded):
            plays += 1
            assert playing.pop(event.listener) == event.uri
            assert NOON <= event.reported_end < NOON + 10_000
            assert (event.started_at or 0) + (event.ms_played or 0) == event.reported_end
        elif event.is_playing:
            assert event.listener not in playing
            playing[event.listener] = event.uri
    assert plays > 200


async def test_who_plays_follows_the_local_hour() -> None:
    """At 12:00 UTC it is midnight in Auckland, at 20:00 morning: the night owl there goes by that."""
    owl = next(each for each in Simulator(1).listeners if each.archetype == NIGHT_OWL)
    assert owl.settings.zones[0].zone == "Pacific/Auckland"
    mine = f"{owl.listener:016x}"
    night = sum(event.listener == mine for event in await live(800))
    morning = sum(event.listener == mine for event in await live(800, at=NOON + 8 * 3_600_000))
    assert night > 40 > 10 > morning


async def test_the_same_clock_gives_the_same_events() -> None:
    assert await live(100) == await live(100)


async def test_live_events_go_to_their_topics_until_stopped() -> None:
    publisher, stop = RecordingPublisher(), asyncio.Event()
    task = asyncio.create_task(produce_live(publisher, Simulator(1), stop, plays_per_second=500))
    await asyncio.wait_for(publisher.fifty.wait(), 30)
    stop.set()
    published = await asyncio.wait_for(task, 5)
    assert published == sum(topic is PLAY_RECORDED for topic, _ in publisher.events) > 0
    for topic, event in publisher.events:
        assert topic is (PLAY_RECORDED if isinstance(event, PlayRecorded) else PLAYBACK_CHANGED)


@pytest.mark.parametrize("days", [3, 9])
async def test_history_is_published_in_order_and_settled(days: int) -> None:
    publisher, simulator = RecordingPublisher(), Simulator(1)
    published = await produce_history(publisher, simulator, days, until_ms=NOON)
    plays = [event for _, event in publisher.events if isinstance(event, PlayRecorded)]
    assert published == len(plays) == len(publisher.events)
    assert publisher.settlings == 1
    assert {topic.name for topic, _ in publisher.events} == {PLAY_RECORDED.name}
    for listener in simulator.listeners:
        expected = [play.reported_end for play in simulator.history(listener, days, NOON)]
        assert [p.reported_end for p in plays if p.listener == f"{listener.listener:016x}"] == expected
