"""Apache Kafka for one backlog at a time: a folder each, filled once, read by every contestant.

The topic keeps its name, since ours reads no other, so each backlog has a broker of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from deploy.kafka.apache import ApacheKafka
from deploy.kafka.topics import create_topics
from streams.contracts.topics import PLAY_RECORDED
from tests.bench.stream.backlogs import Backlog

GROUP_S = 15.0  # in which a group whose members have left may still count as in use
ASK_S = 10.0

FAST = {
    "linger.ms": 50,
    "batch.size": 1 << 20,
    "queue.buffering.max.messages": 200_000,
    "partitioner": "murmur2_random",  # Kafka's own rule, as our publisher has it
    "enable.idempotence": True,
    "log_level": 0,
}


class Broker:
    """A running broker, and what the bench asks of it."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def fill(self, backlog: Backlog, count: int, now: int) -> float:
        """Publish a backlog that ends at `now` (Unix ms), the same for all of a run; seconds that it took."""
        began = time.monotonic()
        producer = Producer({"bootstrap.servers": self.bootstrap, **FAST})
        for key, value, headers in backlog.records(count, now):
            while True:
                try:
                    producer.produce(PLAY_RECORDED.name, value, key=key, headers=dict(headers))
                    break
                except BufferError:
                    producer.poll(0.05)
        producer.flush()
        if (found := sum(self.ends().values())) != count:
            raise RuntimeError(f"{found} records on the topic, and not {count}")
        return time.monotonic() - began

    def ends(self) -> dict[int, int]:
        """The next offset by partition of PLAY_RECORDED."""
        asking = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "bench-ends", "log_level": 0})
        try:
            return {number: _end(asking, number) for number in range(PLAY_RECORDED.partitions)}
        finally:
            asking.close()

    def committed(self, group: str) -> int:
        """How many records of PLAY_RECORDED the group has committed; its offsets begin at 0."""
        asked = [ConsumerGroupTopicPartitions(group)]
        try:
            (answer,) = self._admin.list_consumer_group_offsets(asked, request_timeout=ASK_S).values()
            found = answer.result(ASK_S).topic_partitions
        except KafkaException:  # it does not exist yet, or its coordinator is being found
            return 0
        return sum(max(0, at.offset) for at in found if at.topic == PLAY_RECORDED.name)

    def joined(self, group: str) -> int:
        """How many members share the group's partitions; 0 while these are handed out anew."""
        (answer,) = self._admin.describe_consumer_groups([group], request_timeout=ASK_S).values()
        try:
            found = answer.result(ASK_S)
        except KafkaException:
            return 0
        return len(found.members) if found.state == ConsumerGroupState.STABLE else 0

    def forget(self, group: str) -> None:
        """Delete the group, so that the next contestant begins at the beginning. It may not exist."""
        until = time.monotonic() + GROUP_S
        while True:
            (answer,) = self._admin.delete_consumer_groups([group], request_timeout=ASK_S).values()
            try:
                answer.result(ASK_S)
            except KafkaException as error:
                if error.args[0].name() == "GROUP_ID_NOT_FOUND":
                    return
                if time.monotonic() > until:
                    raise
                time.sleep(0.25)
            else:
                return


def _end(asking: Consumer, number: int) -> int:
    until = time.monotonic() + ASK_S
    while True:
        try:
            return int(asking.get_watermark_offsets(TopicPartition(PLAY_RECORDED.name, number), timeout=ASK_S)[1])
        except KafkaException:  # a partition that has just been made may still be without a leader
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@contextmanager
def running(folder: Path, libs: Path) -> Iterator[Broker]:
    """Apache Kafka on its folder, with the topics."""
    with ApacheKafka(folder, libs=libs) as kafka:
        asyncio.run(create_topics(kafka.bootstrap))
        yield Broker(kafka.bootstrap)
