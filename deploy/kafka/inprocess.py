"""librdkafka's broker inside this process: the real Kafka protocol on a loopback port, in memory.

It is meant for librdkafka's own tests, and what it does not do decides how we use it: topics
appear when a client asks for them (4 partitions), a partition keeps at most 5 MiB or 100,000
records and then drops the OLDEST without a word, and everything is gone when it stops. That is
why streams/publisher.py keeps a window between published and committed, and why the worker
stops when the offsets that it reads have a hole.
"""

from __future__ import annotations

from types import TracebackType

import structlog
from confluent_kafka import KafkaException, Producer

from streams.contracts.errors import BrokerUnavailable

_START_S = 10.0

log = structlog.get_logger(__name__)


class InProcessBroker:
    """A broker that lives as long as this object runs. Usable as a context manager.

    `start` and `stop` block for some milliseconds; neither needs an event loop.
    """

    def __init__(self) -> None:
        self._owner: Producer | None = None
        self.bootstrap = ""

    def start(self) -> str:
        """Start it and return its address, `127.0.0.1:PORT`. Raises BrokerUnavailable."""
        if self._owner is not None:
            return self.bootstrap
        # log_level 3: librdkafka says on standard error that its mock cluster is in use; errors only
        owner = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        try:
            brokers = owner.list_topics(timeout=_START_S).brokers.values()
        except KafkaException as error:
            raise BrokerUnavailable(f"The in-process Kafka broker did not start: {error}.") from error
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self._owner = owner
        log.info("broker started", kind="in-process", bootstrap=self.bootstrap)
        return self.bootstrap

    def stop(self) -> None:
        """Stop it; whatever it held is gone. Stopping twice changes nothing."""
        if self._owner is None:
            return
        self._owner = None  # librdkafka tears the broker down with the last reference
        log.info("broker stopped", kind="in-process")

    def __enter__(self) -> InProcessBroker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
