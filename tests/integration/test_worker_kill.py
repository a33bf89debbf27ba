"""kill -9 of a worker process on Apache Kafka: by sets of ids, nothing may be missing."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.contracts.topics import PLAY_RECORDED
from streams.publisher import Publisher, PublisherSettings
from tests.integration.test_worker import make, standings
from tests.support.kafka import Kafka
from tests.support.recorder import Recorder, play, uri

ROOT = Path(__file__).parents[2]
TOTAL = 12_000
KILLS = 4

pytestmark = [pytest.mark.apache_kafka, pytest.mark.slow]


STARTED: list[asyncio.subprocess.Process] = []


@pytest.fixture(autouse=True)
async def processes_end() -> AsyncIterator[None]:
    yield
    while STARTED:
        process = STARTED.pop()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def start(kafka: Kafka, tmp_path: Path, rows: Path, host: str) -> asyncio.subprocess.Process:
    arguments = [kafka.bootstrap, kafka.group, str(tmp_path), str(rows), "200", "worker-1", host]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.worker_process", *arguments, cwd=ROOT
    )
    STARTED.append(process)
    return process


def stored(rows: Path) -> list[str]:
    whole = rows.read_text().rpartition("\n")[0]  # a line that a kill cut off was not stored
    return whole.splitlines()


async def test_kill_9_loses_nothing(apache_kafka: Kafka, tmp_path: Path) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201
    dice = random.Random(seed)
    rows = tmp_path / "rows"
    rows.touch()
    async with Publisher(PublisherSettings(bootstrap=apache_kafka.bootstrap, group=apache_kafka.group)) as publisher:
        for number in range(TOTAL):
            await publisher.publish(PLAY_RECORDED, play(number))
        await publisher.flush()
        for kill in range(KILLS):
            before = len(stored(rows))
            process = await start(apache_kafka, tmp_path, rows, f"host-{kill}")
            async with asyncio.timeout(30):
                while len(stored(rows)) < before + 400:  # noqa: ASYNC110  another process writes it
                    await asyncio.sleep(0.01)
            await asyncio.sleep(dice.uniform(0, 0.3))
            process.kill()
            assert await process.wait() == -signal.SIGKILL
            committed = sum(each.committed or 0 for each in (await standings(apache_kafka)).values())
            assert committed <= len(set(stored(rows))), "the commit passed what is stored"
        process = await start(apache_kafka, tmp_path, rows, "the-last-host")
        async with asyncio.timeout(60):
            await publisher.settled()
        started = time.monotonic()
        process.terminate()
        assert await process.wait() == 0
        assert time.monotonic() - started < 5
    found = stored(rows)
    assert set(found) == {uri(number) for number in range(TOTAL)}
    assert len(found) > TOTAL, "with kills something must have come twice, else they hit nothing"


async def test_a_static_worker_that_is_killed_and_recreated_disturbs_nobody(
    apache_kafka: Kafka, tmp_path: Path
) -> None:
    """In a container of another name, within its session: the same partitions, and the others never notice."""
    rows = tmp_path / "rows"
    rows.touch()
    others = [Recorder(), Recorder()]
    for number, recorder in enumerate(others):
        await make(apache_kafka, tmp_path, recorder, instance_id=f"other-{number}", session_s=30.0).start()
    async with Publisher(PublisherSettings(bootstrap=apache_kafka.bootstrap, group=apache_kafka.group)) as publisher:
        process = await start(apache_kafka, tmp_path, rows, "first-host")
        number = 0
        async with asyncio.timeout(40):
            while not (stored(rows) and all(recorder.rows for recorder in others)):
                await publisher.publish(PLAY_RECORDED, play(number))
                number += 1
                await asyncio.sleep(0.02)
        await publisher.settled()
        await asyncio.sleep(1)
        before, generations = set(stored(rows)), [recorder.forgot for recorder in others]
        process.kill()
        await process.wait()
        for more in range(number, number + 200):
            await publisher.publish(PLAY_RECORDED, play(more))
        await publisher.flush()
        process = await start(apache_kafka, tmp_path, rows, "second-host")
        async with asyncio.timeout(30):
            await publisher.settled()
        process.terminate()
        assert await process.wait() == 0
    assert [recorder.forgot for recorder in others] == generations, "no rebalance"
    assert set(stored(rows)) > before
    assert set(stored(rows)).isdisjoint(others[0].ids | others[1].ids), "the same partitions"
    assert set(stored(rows)) | others[0].ids | others[1].ids == {uri(each) for each in range(number + 200)}
