"""The live hub on a real broker, and the stream that a browser reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from api import lasting
from api.app import create_app
from api.live import LiveHub, Watcher
from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from sinks.clickhouse import ClickHouse
from sinks.tokens import Tokens
from sinks.writer import Writer
from streams.contracts import codec, ids
from streams.contracts.events import Artist, PlaybackChanged, PlayEnriched
from streams.contracts.record import Record, Taken
from streams.contracts.topics import PLAY_ENRICHED, PLAYBACK_CHANGED
from tests.support.rows import NOON_MS
from tests.support.web import TOKEN, seed, served, services


def played(listener: int, number: int = 1, **said: Any) -> PlayEnriched:
    about: dict[str, Any] = {
        "listener": ids.to_hex(listener),
        "play_id": ids.to_hex(number),
        "version": 1,
        "ended_at": NOON_MS,
        "title": f"Track {number}",
        "artist": "Nina Simone",
        "utc_offset_minutes": 60,
    }
    return PlayEnriched(**{**about, **said})


def record(event: PlayEnriched) -> Record:
    return Record(PLAY_ENRICHED.name, 0, 0, NOON_MS, event.listener.encode(), codec.encode(event), codec.headers())


@pytest.fixture
def broker() -> Iterator[str]:
    with InProcessBroker() as running:
        yield running.bootstrap


@pytest.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    await create_topics(broker)
    made = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def hub(broker: str, producer: AIOKafkaProducer) -> AsyncIterator[LiveHub]:
    made = LiveHub(broker, queue=8)
    await made.start()
    await made.ready()
    yield made
    await made.stop()


async def send(producer: AIOKafkaProducer, *events: PlayEnriched | PlaybackChanged) -> None:
    for event in events:
        topic = PLAY_ENRICHED if isinstance(event, PlayEnriched) else PLAYBACK_CHANGED
        await producer.send_and_wait(
            topic.name, codec.encode(event), key=event.listener.encode(), headers=codec.headers()
        )


async def next_of(watcher: Watcher) -> Any:
    return await asyncio.wait_for(watcher.get(), 10)


async def test_each_watcher_gets_their_listener_and_nobody_else(hub: LiveHub, producer: AIOKafkaProducer) -> None:
    with hub.watch(1) as ada, hub.watch(1) as ada_too, hub.watch(2) as bob:
        now = PlaybackChanged(
            listener=ids.to_hex(2), observed_at=NOON_MS, is_playing=True, title="Jóga", artists=(Artist("Björk"),)
        )
        await send(producer, played(1), played(3), now)
        assert (await next_of(ada)).event == played(1)
        assert (await next_of(ada_too)).event == played(1)
        assert (await next_of(bob)).event == now
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bob.get(), 0.3)
    assert hub.watching == 0


async def test_what_was_published_before_is_not_shown_again(broker: str, producer: AIOKafkaProducer) -> None:
    await send(producer, played(1, 1))
    hub = LiveHub(broker)
    await hub.start()
    await hub.ready()
    with hub.watch(1) as watcher:
        await send(producer, played(1, 2))
        assert (await next_of(watcher)).event.title == "Track 2"
    await hub.stop()


async def test_while_nobody_watches_nothing_is_read_and_whoever_comes_then_misses_nothing(
    hub: LiveHub, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes | None] = []
    deliver = hub.deliver

    def note(taken: Taken) -> None:
        read.append(taken.key)
        deliver(taken)

    monkeypatch.setattr(hub, "deliver", note)
    await send(producer, *(played(3, number) for number in range(50)))
    await asyncio.sleep(3.0)  # longer than between two moves to the end, on a slow machine too
    for number in range(1, 13):  # come and gone, at any moment of the rest
        with hub.watch(1) as watcher:
            await send(producer, played(1, number))
            assert (await next_of(watcher)).event == played(1, number)
        await asyncio.sleep(0.13 * (number % 4))
    assert ids.to_hex(3).encode() not in read
    with hub.watch(3) as late, hub.watch(1) as other:
        await send(producer, played(3, 100), played(1, 100))
        assert (await next_of(late)).event == played(3, 100)
        assert (await next_of(other)).event == played(1, 100)


async def test_a_repeated_event_is_shown_once_and_a_newer_one_again() -> None:
    hub = LiveHub("nowhere:1")
    with hub.watch(1) as watcher:
        for event in (played(1), played(1), played(1, version=3, genre="jazz"), played(1, version=2)):
            hub.deliver(record(event))
        assert (await next_of(watcher)).event.genre == ""
        assert (await next_of(watcher)).event.genre == "jazz"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watcher.get(), 0.05)


async def test_a_slow_watcher_loses_its_oldest_and_is_told_while_others_lose_nothing() -> None:
    hub = LiveHub("nowhere:1", queue=5)
    with hub.watch(1) as slow, hub.watch(1) as quick:
        got = []
        for number in range(1, 13):
            hub.deliver(record(played(1, number)))
            got.append((await next_of(quick)).event.title)
        assert got == [f"Track {number}" for number in range(1, 13)]
        assert (await next_of(slow)).kind == "missed"
        left = [(await next_of(slow)).event.title for _ in range(5)]
    assert left == [f"Track {number}" for number in range(8, 13)]


async def test_what_cannot_be_read_stops_nothing() -> None:
    hub = LiveHub("nowhere:1")
    with hub.watch(1) as watcher:
        good = record(played(1))
        for key, value in ((None, b"{}"), (b"zz", b"{}"), (good.key, b"not json"), (good.key, None)):
            hub.deliver(Record(PLAY_ENRICHED.name, 0, 0, NOON_MS, key, value, codec.headers()))
        hub.deliver(good)
        assert (await next_of(watcher)).event == played(1)


async def test_the_stream_brings_a_play_to_its_listener_alone(
    hub: LiveHub, producer: AIOKafkaProducer, clickhouse: ClickHouse, store: Writer, tmp_path: Path
) -> None:
    seeded = seed(clickhouse, store)
    app = create_app(services(clickhouse, tmp_path, live=hub))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        served(app) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=15) as client,
        client.stream("GET", "/api/v1/listeners/Ada/now/stream") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        events: list[tuple[str, Any]] = []
        kind = ""
        async for line in lines:
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:"):
                events.append((kind, json.loads(line[5:])))
                if kind == "hello":
                    await send(producer, played(seeded.bob.id, 1), played(seeded.ada.id, 2))
                if kind == "play":
                    break
    assert [kind for kind, _ in events] == ["hello", "play"]
    assert events[0][1] == {"live": True}
    assert events[1][1]["title"] == "Track 2"
    assert events[1][1]["utc_offset_minutes"] == 60


async def test_the_stream_ends_when_its_token_is_revoked(
    clickhouse: ClickHouse, store: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "ASK", 0.1)
    hub = LiveHub("nowhere:1")
    ada = seed(clickhouse, store).ada
    row, token = Tokens(clickhouse).add("phone", "listener", ada.id)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        served(create_app(services(clickhouse, tmp_path, live=hub))) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=15) as client,
        client.stream("GET", "/api/v1/listeners/Ada/now/stream") as stream,
        asyncio.timeout(15),
    ):
        lines = stream.aiter_lines()
        async for line in lines:
            if "hello" in line:
                break
        await asyncio.sleep(1.0)  # it was asked about several times
        hub.deliver(record(played(ada.id)))
        async for line in lines:
            if "Track 1" in line:
                break
        Tokens(clickhouse).revoke(row.token_id)
        assert [line async for line in lines if "event" in line] == []
