"""A broker of ours that ends by itself is noticed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from deploy.broker import open_broker
from deploy.settings import load
from streams.contracts.errors import BrokerUnavailable
from tests.support.kafka import kafka_jars, lend_jars

__all__ = ["kafka_jars"]


def pid_of(data: Path) -> int:
    return int((data / "kafka" / "broker.pid").read_text())


@pytest.mark.apache_kafka
async def test_apache_kafka_that_dies_ends_the_stack(kafka_jars: Path, tmp_path: Path) -> None:
    lend_jars(kafka_jars, tmp_path)
    async with open_broker(load(data=tmp_path, kafka="apache")) as broker:
        waiting = asyncio.ensure_future(broker.ended())
        await asyncio.sleep(0)
        os.kill(pid_of(tmp_path), signal.SIGKILL)
        with pytest.raises(BrokerUnavailable, match="ended by itself"):
            await asyncio.wait_for(waiting, 20)
