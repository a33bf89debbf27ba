"""Kafka as somebody outside sees it, through librdkafka: not by the product's own clients.

Publishes bytes, reads topics from end to end, asks where the workers' group stands and who is in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from confluent_kafka import (
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from deploy.kafka.topics import create_topics
from streams.contracts.topics import PLAY_RECORDED, TOPICS, Topic
from tests.support.group import Group

_WAIT_S = 60.0
_ASK_S = 5.0  # of one question

Delivered = Callable[[int, int], None]  # partition, offset


def _quiet(_: object) -> None:
    """A broker that is killed on purpose is no news."""


class Wire:
    """One broker, asked from outside. `close` at the end."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        quiet: dict[str, Any] = {"error_cb": _quiet, "log_level": 0}
        self._admin = AdminClient({"bootstrap.servers": bootstrap, **quiet})
        self._group = Group(bootstrap)
        self._reader = self._consumer()

    def close(self) -> None:
        """Disconnect."""
        self._reader.close()
        self._group.close()

    def fresh_topics(self) -> None:
        """Our topics, empty, and no offsets of the group. No worker may run."""
        there = set(self._admin.list_topics(timeout=_WAIT_S).topics)
        if old := sorted(there & {topic.name for topic in TOPICS}):
            for done in self._admin.delete_topics(old).values():
                done.result(_WAIT_S)
            until = time.monotonic() + _WAIT_S
            while set(self._admin.list_topics(timeout=_WAIT_S).topics) & set(old):
                assert time.monotonic() < until, "the topics were not deleted"
                time.sleep(0.05)
        asyncio.run(create_topics(self.bootstrap))
        until = time.monotonic() + _WAIT_S
        while any(self.committed().values()):  # the coordinator forgets them with the topics, a little later
            assert time.monotonic() < until, "the group remembers offsets of the test before"
            time.sleep(0.1)

    def committed(self) -> dict[int, int]:
        """Up to which offset each partition of PLAY_RECORDED is committed; 0 without a commit."""
        return self._group.committed()

    def members(self) -> dict[str, int]:
        """The group's members, each with how many partitions of PLAY_RECORDED it has; {} while it is not stable."""
        return self._group.members()

    def ends(self, topic: Topic = PLAY_RECORDED) -> dict[int, int]:
        """The next offset of each partition."""
        return {each.partition: self._end(each) for each in _partitions(topic)}

    def _end(self, at: TopicPartition) -> int:
        until = time.monotonic() + _WAIT_S
        while True:
            try:
                return int(self._reader.get_watermark_offsets(at, timeout=_ASK_S)[1])
            except KafkaException:
                if time.monotonic() > until:
                    raise

    def total(self, topic: Topic = PLAY_RECORDED) -> int:
        """Records on a topic, of which none has been deleted yet."""
        return sum(self.ends(topic).values())

    def lag(self) -> int:
        """Records of PLAY_RECORDED that are not committed."""
        return self.total() - sum(self.committed().values())

    def read(self, topic: Topic) -> Iterator[Any]:
        """Every record (confluent_kafka.Message) of a topic, from its beginning to what is its end now."""
        ends = {partition: end for partition, end in self.ends(topic).items() if end}
        reader = self._consumer()
        try:
            reader.assign([TopicPartition(topic.name, partition, 0) for partition in ends])
            until = time.monotonic() + 120
            while ends:
                assert time.monotonic() < until, f"{topic.name} could not be read to its end"
                for message in reader.consume(5_000, 0.5):
                    assert message.error() is None, message.error()
                    partition, offset = message.partition(), message.offset()
                    assert partition is not None and offset is not None
                    if offset + 1 >= ends.get(partition, 0):
                        ends.pop(partition, None)
                    yield message
        finally:
            reader.close()

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "spotifire-faults-reader",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "error_cb": _quiet,
                "log_level": 0,
            }
        )


class Sender:
    """Publishes bytes with Java's partitioner, idempotently; tells of each acknowledged record."""

    def __init__(self, bootstrap: str) -> None:
        self.acknowledged = 0
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
                "message.timeout.ms": 180_000,
                "error_cb": _quiet,
                "log_level": 0,
            }
        )

    def send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        delivered: Delivered,
    ) -> None:
        """Buffer one record; `delivered` is called once the broker has it."""

        def report(error: object, message: Any) -> None:
            assert error is None, error
            self.acknowledged += 1
            delivered(message.partition(), message.offset())

        self._producer.produce(topic.name, value, key, headers=list(headers), on_delivery=report)
        self._producer.poll(0)

    def flush(self, seconds: float = 60) -> None:
        """Return when the broker has acknowledged all."""
        assert not self._producer.flush(seconds), "records were not acknowledged in time"


def _partitions(topic: Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
