"""Creates the topics of streams/contracts/topics.py, before anybody produces to them.

Producing to a topic that does not exist floods the log and then fails, and a topic that
appears by itself has the broker's settings and not ours. So this runs first, in every mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaClient
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from streams.contracts.errors import BrokerUnavailable, UserError
from streams.contracts.topics import TOPICS, Topic

_MOST_COPIES = 3  # on a cluster; a single broker can hold one

log = structlog.get_logger(__name__)


async def create_topics(
    bootstrap: str, topics: Sequence[Topic] = TOPICS, *, timeout_s: float = 30.0
) -> tuple[str, ...]:
    """Create the topics that are missing, with their settings; the names of those that are new.

    A topic that exists is left as it is. The in-process broker cannot create topics: there they
    are made to appear, with its own settings, and () is returned. Every call has the time limit
    `timeout_s`, since a broker whose folder was taken away answers nothing for ever.

    Raises BrokerUnavailable, and UserError where the broker forbids it or has fewer partitions
    than our list says (the key's partition would be another one).
    """
    try:
        async with asyncio.timeout(timeout_s):
            created = await _create(bootstrap, topics)
            await _check_partitions(bootstrap, topics)
    except TimeoutError as error:
        raise BrokerUnavailable(
            f"Kafka at {bootstrap} did not create the topics within {timeout_s:.0f} s.",
            cure="Look at the broker's log, then start again.",
        ) from error
    except KafkaError as error:
        raise BrokerUnavailable(
            f"Kafka at {bootstrap} cannot be reached: {error}.", cure="Start it, or check the address."
        ) from error
    return created


async def _create(bootstrap: str, topics: Sequence[Topic]) -> tuple[str, ...]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        cluster: dict[str, Any] = await admin.describe_cluster()
        if cluster["controller_id"] not in {broker["node_id"] for broker in cluster["brokers"]}:
            # the in-process broker has no controller, and so no CreateTopics
            log.info("topics appear by themselves", bootstrap=bootstrap)
            return ()
        copies = min(_MOST_COPIES, max(1, len(cluster["brokers"])))
        wanted = [NewTopic(topic.name, topic.partitions, copies, topic_configs=topic.settings()) for topic in topics]
        answer = await admin.create_topics(wanted)
    finally:
        await admin.close()
    created = []
    for name, code, *why in answer.topic_errors:
        kind = for_code(code)
        if code == 0:
            created.append(name)
        elif kind is not TopicAlreadyExistsError:
            raise UserError(
                f"Kafka refused to create the topic {name}: {(why and why[0]) or kind.__name__}.",
                cure="Let this user create topics, or create it as docs/events.md lists it.",
            )
    log.info("topics ready", created=len(created), there_before=len(topics) - len(created))
    return tuple(created)


async def _check_partitions(bootstrap: str, topics: Sequence[Topic]) -> None:
    """Asking for a topic's metadata is also what makes it appear on the in-process broker."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        await client.set_topics([topic.name for topic in topics])
        for topic in topics:
            while not (partitions := client.cluster.partitions_for_topic(topic.name)):
                await client.force_metadata_update()
                await asyncio.sleep(0.05)
            if len(partitions) < topic.partitions:
                raise UserError(
                    f"The topic {topic.name} has {len(partitions)} partitions, not {topic.partitions}.",
                    cure="Add partitions while the topic is empty, or delete it and start again.",
                )
    finally:
        await client.close()
