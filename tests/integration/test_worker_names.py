"""Static names of workers, on Apache Kafka: taken by another, and only forgotten by the broker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.group import LeaveGroupRequest

from streams.contracts.errors import UserError
from streams.contracts.topics import PLAY_RECORDED
from tests.integration.test_worker import make, publishing, until
from tests.support.kafka import Kafka
from tests.support.recorder import Recorder, play, uri

pytestmark = pytest.mark.apache_kafka

TOTAL = 200


async def all_stored(kafka: Kafka) -> None:
    async with publishing(kafka) as publisher:
        for number in range(TOTAL):
            await publisher.publish(PLAY_RECORDED, play(number))
        async with asyncio.timeout(30):
            await publisher.settled()


async def test_of_two_workers_under_one_name_the_first_ends_and_says_why(apache_kafka: Kafka, tmp_path: Path) -> None:
    """They would take the place from each other for ever, without a word."""
    first, second = Recorder(), Recorder()
    one = make(apache_kafka, tmp_path, first, instance_id="same", session_s=30.0)
    await one.start()
    await until(lambda: bool(one.assigned()))
    other = make(apache_kafka, tmp_path, second, instance_id="same", session_s=30.0)
    await other.start()
    with pytest.raises(UserError, match="Another worker runs as 'same'") as raised:
        await asyncio.wait_for(one.failed(), 20)
    assert "SPOTIFIRE_WORKER_ID" in raised.value.cure
    await asyncio.wait_for(one.stop(), 5)
    await all_stored(apache_kafka)
    assert second.ids == {uri(number) for number in range(TOTAL)}
    assert second.forgot == 1, "the one that stays was not disturbed"
    assert not first.rows


async def test_a_named_worker_that_the_broker_gave_up_comes_back(apache_kafka: Kafka, tmp_path: Path) -> None:
    """As after a laptop's sleep: nobody took its place."""
    recorder = Recorder()
    worker = make(apache_kafka, tmp_path, recorder, instance_id="only", session_s=30.0)
    await worker.start()

    def member() -> str:
        coordinator = worker._app.consumer._thread._consumer._coordinator  # type: ignore[union-attr]
        return str(coordinator.member_id)

    await until(lambda: bool(worker.assigned()))
    before = member()
    client = AIOKafkaClient(bootstrap_servers=apache_kafka.bootstrap)
    await client.bootstrap()
    try:
        node = await client.coordinator_lookup(CoordinationType.GROUP, apache_kafka.group)
        assert (await client.send(node, LeaveGroupRequest(apache_kafka.group, before))).error_code == 0
    finally:
        await client.close()
    await until(lambda: member() not in ("", before))
    await all_stored(apache_kafka)
    assert recorder.ids == {uri(number) for number in range(TOTAL)}
    await worker.stop()
