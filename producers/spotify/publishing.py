"""What the collectors need of a publisher; streams.publisher.Publisher is one."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from producers.lasting import PublishesMany
from streams.contracts.topics import Topic


class Publishes(PublishesMany, Protocol):
    """The one way onto Kafka. All may raise BrokerUnavailable (retriable)."""

    async def publish(
        self, topic: Topic, event: Struct, *, key: str | None = None, import_id: str = "", origin: str = ""
    ) -> None:
        """Buffer one event; waits while too much is under way."""
