"""The broker that the settings name: in this process, Apache Kafka from its jars, or an address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from deploy.extras import needs
from deploy.kafka.apache import ApacheKafka
from deploy.kafka.topics import create_topics
from deploy.settings import Settings
from streams.contracts.errors import BrokerUnavailable

if TYPE_CHECKING:
    from deploy.kafka.inprocess import InProcessBroker

LOOK = 1.0  # seconds between two looks at whether Apache Kafka lives


@dataclass(frozen=True)
class Broker:
    """A broker that answers at `bootstrap`; `ended` raises when one of ours ends by itself."""

    bootstrap: str
    ended: Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_broker(settings: Settings) -> AsyncIterator[Broker]:
    """The broker, with the topics created. Raises UserError and BrokerUnavailable."""
    if settings.kafka not in ("embedded", "apache"):
        await create_topics(settings.kafka)
        yield Broker(settings.kafka, _never)
        return
    broker = _in_process() if settings.kafka == "embedded" else ApacheKafka(settings.data / "kafka")
    bootstrap = await asyncio.to_thread(broker.start)
    try:
        await create_topics(bootstrap)
        yield Broker(bootstrap, partial(_watch, broker) if isinstance(broker, ApacheKafka) else _never)
    finally:
        await asyncio.to_thread(broker.stop)


def _in_process() -> InProcessBroker:
    needs("confluent_kafka", "Kafka broker", "--kafka HOST:PORT")
    from deploy.kafka.inprocess import InProcessBroker

    return InProcessBroker()


async def _watch(broker: ApacheKafka) -> None:
    while broker.running():  # noqa: ASYNC110 - a process tells nobody when it ends
        await asyncio.sleep(LOOK)
    raise BrokerUnavailable(
        "Apache Kafka ended by itself.", cure=f"See {broker.folder / 'broker.log'}, then start again."
    )


async def _never() -> None:
    await asyncio.Event().wait()
