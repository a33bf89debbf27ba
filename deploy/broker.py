"""The broker that the settings name: in this process, Apache Kafka from its jars, or an address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.kafka.apache import ApacheKafka
from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from deploy.settings import Settings


@asynccontextmanager
async def open_broker(settings: Settings) -> AsyncIterator[str]:
    """Its address, with the topics created. Raises UserError and BrokerUnavailable."""
    if settings.kafka not in ("embedded", "apache"):
        await create_topics(settings.kafka)
        yield settings.kafka
        return
    broker = InProcessBroker() if settings.kafka == "embedded" else ApacheKafka(settings.data / "kafka")
    bootstrap = await asyncio.to_thread(broker.start)
    try:
        await create_topics(bootstrap)
        yield bootstrap
    finally:
        await asyncio.to_thread(broker.stop)
