"""What compacted topics hold of an erased listener is taken back, whoever crashes or publishes meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

import streams.commands
from deploy.jobs import profiles
from producers.lasting import publish_lasting
from producers.library import Seen, synchronise
from sinks.clickhouse import ClickHouse
from sinks.commands import Commands as CommandLog
from sinks.corrections import ClickHouseCorrections
from sinks.erase import PUBLISHED, erased
from sinks.imports import Imports
from sinks.library import ClickHouseLibrary
from sinks.listeners import Listeners
from sinks.profiles import Profiles
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.app import WorkerSettings
from streams.commands import Commands
from streams.contracts.events import ListenerProfile
from streams.contracts.ids import from_hex, to_hex
from streams.contracts.ports import Command, LibraryEntry, Shelf
from streams.contracts.topics import LASTING, LIBRARY_ITEM, LISTENER_COMMAND, LISTENER_PROFILE, TOPICS, Topic
from streams.contracts.waking import wake_up
from streams.metrics import Metrics
from streams.outlet import Outlet
from streams.pipeline import Pipeline
from streams.publisher import Publisher, PublisherSettings
from streams.worker import Worker
from tests.integration.test_worker import MADE
from tests.support.kafka import Kafka

T = 1_760_000_000_000
SAVED, SHORT = Shelf("saved-track"), Shelf("top-track", "short")
WINDOWS = ("90d", "all", "2024")

Stands = dict[str, bytes | None]
"""What compaction leaves of a topic: the last value of each key."""


class DiesOnce(Writer):
    """The real store; dies once when everything is told and nothing is deleted."""

    died = False

    def erase(self, listener: int) -> Mapping[str, int]:
        if not self.died:
            self.died = True
            raise RuntimeError("the power is gone")
        return super().erase(listener)


class House:
    """Ada and Bob, a database and a broker."""

    def __init__(self, kafka: Kafka, ch: ClickHouse, folder: Path) -> None:
        self.kafka, self.ch, self.folder = kafka, ch, folder
        self.library, self.log = ClickHouseLibrary(ch), CommandLog(ch)
        self.ada, self.bob = (Listeners(ch).add(name, "Europe/Zurich").id for name in ("Ada", "Bob"))

    def publishing(self) -> Publisher:
        return Publisher(PublisherSettings(bootstrap=self.kafka.bootstrap, group=self.kafka.group))

    async def look(self, publisher: Any, listener: int, shelf: Shelf, items: Sequence[str], at: int = T) -> int:
        listed = [LibraryEntry(item=item, title=f"title {item}") for item in items]
        seen = Seen(listed=listed, whole=True, looked_at=at, whole_at=at, total=len(listed))
        return await synchronise(self.library, publisher, listener, shelf, seen)

    async def fill(self, publisher: Publisher, listener: int) -> None:
        """Live and removed items, profiles of windows that are kept and of one that is not."""
        assert await self.look(publisher, listener, SAVED, ["x", "y", "z"]) == 3
        assert await self.look(publisher, listener, SAVED, ["x", "w"], T + 1000) == 3  # two of them are gone
        assert await self.look(publisher, listener, SHORT, ["x", "y"]) == 2
        for at in (T, T + 1000):  # each window has a history
            computed = [
                ListenerProfile(listener=to_hex(listener), window=window, computed_at=at, plays=at - T)
                for window in WINDOWS
            ]
            Profiles(self.ch).put_profiles(computed)
            told = await publish_lasting(publisher, LISTENER_PROFILE, computed, partial(erased, self.ch))
            assert told == len(WINDOWS)

    def commands(self, store: Writer) -> tuple[Pipeline, Commands]:
        reference = ClickHouseReference(self.ch, threading.Event())
        pipeline = Pipeline(store, reference)
        corrections, imports = ClickHouseCorrections(self.ch), Imports(self.ch)
        return pipeline, Commands(pipeline, store, reference, corrections, imports, self.log)

    def worker(self, store: Writer) -> Worker:
        pipeline, commands = self.commands(store)
        settings = WorkerSettings(
            bootstrap=self.kafka.bootstrap,
            data_dir=self.folder,
            group=self.kafka.group,
            broker_in_memory=self.kafka.in_memory,
            publish_enriched=False,  # tombstones are no events that somebody may do without
        )
        made = Worker(settings, pipeline, Metrics(), commands=commands)
        MADE.append(made)
        return made

    async def ask(self, publisher: Publisher, listener: int) -> Command:
        command = self.log.ask(listener, "erase")
        await publisher.publish(LISTENER_COMMAND, wake_up(command), key=to_hex(listener))
        await publisher.flush()
        return command

    async def erase(self, listener: int) -> None:
        """As a worker does it; that takes seconds to start."""
        self.log.ask(listener, "erase")
        _, commands = self.commands(Writer(self.ch, threading.Event()))
        outlet = Outlet(self.publishing, lambda: None)
        while (outcome := await asyncio.to_thread(commands.command, listener)).commands:
            await outlet.tell(outcome.enriched, outcome.dead_letters, outcome.tombstones)
            await asyncio.to_thread(commands.conclude, outcome)
        await outlet.stop(timeout_s=5)

    async def done(self, command: Command) -> None:
        async with asyncio.timeout(30):
            while (found := self.log.get(command.command_id)) is None or found.state != "done":  # noqa: ASYNC110  a row is watched
                await asyncio.sleep(0.05)

    async def stands(self, topic: Topic) -> Stands:
        """Read from one end to the other."""
        found: Stands = {}
        parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign(parts)
            ends = await consumer.end_offsets(parts)
            async with asyncio.timeout(30):
                for part in parts:
                    while await consumer.position(part) < ends[part]:
                        for record in (await consumer.getmany(part, timeout_ms=200)).get(part, []):
                            found[record.key.decode()] = record.value
        finally:
            await consumer.stop()
        return found

    async def of(self, listener: int) -> dict[str, Stands]:
        """Per topic what stands there of a listener."""
        every = {topic.name: await self.stands(topic) for topic in LASTING}
        return {
            name: {key: value for key, value in stands.items() if key.startswith(to_hex(listener))}
            for name, stands in every.items()
        }


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.commands, "ROWS", 2)


def keys_of(listener: int) -> dict[str, set[str]]:
    who = to_hex(listener)
    items = [*(("saved-track", "", item) for item in "wxyz"), *(("top-track", "short", item) for item in "xy")]
    return {
        LIBRARY_ITEM.name: {"|".join((who, *item)) for item in items},
        LISTENER_PROFILE.name: {f"{who}|{window}" for window in WINDOWS},
    }


def test_every_lasting_topic_is_known_to_the_erasure() -> None:
    assert set(PUBLISHED) == set(LASTING)
    about_listeners = {
        topic
        for topic in TOPICS
        if topic.cleanup == "compact" and topic.event and "listener" in topic.event.__struct_fields__
    }
    assert about_listeners == set(LASTING)


@pytest.mark.slow
async def test_an_erasure_takes_back_what_topics_would_keep_and_repeats_after_a_crash(
    kafka: Kafka, clickhouse: ClickHouse, tmp_path: Path
) -> None:
    house = House(kafka, clickhouse, tmp_path)
    async with house.publishing() as publisher:
        for listener in (house.ada, house.bob):
            await house.fill(publisher, listener)
        bob, ada = await house.of(house.bob), await house.of(house.ada)
        for listener, found in ((house.ada, ada), (house.bob, bob)):
            assert {name: set(stands) for name, stands in found.items()} == keys_of(listener)
            assert all(value for stands in found.values() for value in stands.values())

        command = await house.ask(publisher, house.ada)
        store = DiesOnce(clickhouse, threading.Event())
        first = house.worker(store)
        await first.start()
        with pytest.raises(RuntimeError, match="the power is gone"):
            async with asyncio.timeout(30):
                await first.failed()
        MADE.remove(first)
        await first.stop()
        gone = {name: dict.fromkeys(keys) for name, keys in keys_of(house.ada).items()}
        assert await house.of(house.ada) == gone, "taken back before the rows were deleted"
        assert clickhouse.scalar("SELECT count() FROM library_items FINAL") == 12

        second = house.worker(store)
        await second.start()
        await house.done(command)
        await second.stop()
    assert await house.of(house.ada) == gone
    assert await house.of(house.bob) == bob
    for table in PUBLISHED.values():
        assert clickhouse.query(f"SELECT DISTINCT listener FROM {table}") == [(house.bob,)]


class Held(Publisher):
    """Publishes first when `go` is set. `hangs`: its first flush never ends."""

    def __init__(self, settings: PublisherSettings, *, hangs: bool) -> None:
        super().__init__(settings)
        self.hangs, self.go = hangs, asyncio.Event()
        self.looked, self.published = asyncio.Event(), asyncio.Event()

    async def publish_many(self, *given: Any, **named: Any) -> None:
        self.looked.set()
        await self.go.wait()
        await super().publish_many(*given, **named)

    async def flush(self) -> None:
        if self.hangs and not self.published.is_set():
            self.published.set()
            await asyncio.Event().wait()
        await super().flush()


async def a_library(house: House, publisher: Publisher) -> None:
    await house.look(publisher, house.ada, SAVED, ["x", "late"], T + 5000)


async def some_profiles(house: House, publisher: Publisher) -> None:
    await profiles(SimpleNamespace(ch=house.ch), publisher)  # type: ignore[arg-type]


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("job", [a_library, some_profiles])
async def test_what_is_published_behind_the_tombstones_is_taken_back(
    inprocess_kafka: Kafka,
    clickhouse: ClickHouse,
    tmp_path: Path,
    job: Callable[[House, Publisher], Awaitable[None]],
    cancelled: bool,
) -> None:
    """A collector that looked before the cut-off and goes on, or is cancelled, when all is erased."""
    house = House(inprocess_kafka, clickhouse, tmp_path)
    settings = PublisherSettings(bootstrap=inprocess_kafka.bootstrap, group=inprocess_kafka.group)
    held = Held(settings, hangs=cancelled)
    async with house.publishing() as publisher, held:
        await house.fill(publisher, house.ada)
        await house.fill(publisher, house.bob)
        bob = await house.of(house.bob)
        working = asyncio.ensure_future(job(house, held))
        async with asyncio.timeout(20):
            await held.looked.wait()
            await house.erase(house.ada)
            held.go.set()
            if cancelled:
                await held.published.wait()
                working.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await working
            else:
                await working
    stands = {key: value for found in (await house.of(house.ada)).values() for key, value in found.items()}
    assert set(stands.values()) == {None}
    assert len(stands) >= sum(map(len, keys_of(house.ada).values()))
    after = await house.of(house.bob)
    assert {name: set(found) for name, found in after.items()} == keys_of(house.bob)
    assert after[LIBRARY_ITEM.name] == bob[LIBRARY_ITEM.name]
    assert None not in after[LISTENER_PROFILE.name].values()


async def test_nothing_is_published_of_who_is_erased_before(
    inprocess_kafka: Kafka, clickhouse: ClickHouse, tmp_path: Path
) -> None:
    house = House(inprocess_kafka, clickhouse, tmp_path)
    computed = [
        ListenerProfile(listener=to_hex(listener), window="90d", computed_at=T, plays=1)
        for listener in (house.ada, house.bob)
    ]
    house.log.ask(house.ada, "erase")
    async with house.publishing() as publisher:
        assert await publish_lasting(publisher, LISTENER_PROFILE, computed, partial(erased, clickhouse)) == 1
    (key,) = await house.stands(LISTENER_PROFILE)
    assert from_hex(key.split("|")[0]) == house.bob
