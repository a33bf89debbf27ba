"""kill -9 of a worker process on Apache Kafka: by sets of ids, nothing may be missing."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from streams.contracts.topics import PLAY_RECORDED
from streams.publisher import Publisher, PublisherSettings
from tests.integration.test_worker import standings
from tests.support.kafka import Kafka
from tests.support.recorder import play, uri

ROOT = Path(__file__).parents[2]
TOTAL = 12_000
KILLS = 4

pytestmark = [pytest.mark.apache_kafka, pytest.mark.slow]


async def start(kafka: Kafka, tmp_path: Path, rows: Path) -> asyncio.subprocess.Process:
    arguments = [kafka.bootstrap, kafka.group, str(tmp_path), str(rows), "200"]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.worker_process", *arguments, cwd=ROOT
    )


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
        for _ in range(KILLS):
            before = len(stored(rows))
            process = await start(apache_kafka, tmp_path, rows)
            async with asyncio.timeout(30):
                while len(stored(rows)) < before + 400:  # noqa: ASYNC110  another process writes it
                    await asyncio.sleep(0.01)
            await asyncio.sleep(dice.uniform(0, 0.3))
            process.kill()
            assert await process.wait() == -signal.SIGKILL
            committed = sum(each.committed or 0 for each in (await standings(apache_kafka)).values())
            assert committed <= len(set(stored(rows))), "the commit passed what is stored"
        process = await start(apache_kafka, tmp_path, rows)
        async with asyncio.timeout(60):
            await publisher.settled()
        started = time.monotonic()
        process.terminate()
        assert await process.wait() == 0
        assert time.monotonic() - started < 5
    found = stored(rows)
    assert set(found) == {uri(number) for number in range(TOTAL)}
    assert len(found) > TOTAL, "with kills something must have come twice, else they hit nothing"
