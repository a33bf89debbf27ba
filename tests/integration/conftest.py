from collections.abc import AsyncIterator

import pytest

from tests.integration.test_worker import MADE
from tests.support.kafka import apache_broker, apache_kafka, inprocess_kafka, kafka, kafka_jars

__all__ = ["apache_broker", "apache_kafka", "inprocess_kafka", "kafka", "kafka_jars"]


BROKERS = ("inprocess_kafka", "apache_kafka", "kafka")


@pytest.fixture(autouse=True)
def broker_first(request: pytest.FixtureRequest) -> None:
    """So that it ends last."""
    for name in BROKERS:
        if name in request.fixturenames:
            request.getfixturevalue(name)


@pytest.fixture(autouse=True)
async def workers_end(broker_first: None) -> AsyncIterator[None]:
    """A test that fails leaves no worker behind: it would hold the loop, and the next test's group."""
    yield
    while MADE:
        await MADE.pop().stop()
