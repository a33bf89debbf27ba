"""Where the workers' group stands, and who is in it, asked of the broker.

By aiokafka: librdkafka's own questions about a group ended the whole process after its broker was killed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import CoordinatorLoadInProgressError, KafkaError

from streams.contracts.topics import PLAY_RECORDED, WORKER_GROUP

_WAIT_S = 60.0
_ASK_S = 5.0  # of one question

_AT = [TopicPartition(PLAY_RECORDED.name, number) for number in range(PLAY_RECORDED.partitions)]


class Group:
    """Asks in a thread of its own. `close` at the end."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="group", daemon=True)
        self._thread.start()
        self._admin: AIOKafkaAdminClient | None = None

    def close(self) -> None:
        """Disconnect."""
        asyncio.run_coroutine_threadsafe(self._disconnect(), self._loop).result(_WAIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def committed(self) -> dict[int, int]:
        """Up to which offset each partition of PLAY_RECORDED is committed; 0 without a commit."""
        found: dict[int, int] = self._ask(_committed)
        return found

    def members(self) -> dict[str, int]:
        """The members, each with how many partitions of PLAY_RECORDED it has; {} while it is not stable."""
        answers = self._ask(lambda admin: admin.describe_consumer_groups([WORKER_GROUP]))
        (group,) = answers[0].groups
        state, members = group[2], group[5]
        if state != "Stable":
            return {}
        return {member[0]: _partitions(member) for member in members}

    def _ask(self, question: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
        """Ask again until there is an answer: after a broker's start its coordinator needs a while."""
        until = time.monotonic() + _WAIT_S
        while True:
            try:
                return asyncio.run_coroutine_threadsafe(self._once(question), self._loop).result()
            except (KafkaError, TimeoutError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    async def _once(self, question: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
        try:
            async with asyncio.timeout(_ASK_S):
                if self._admin is None:
                    self._admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
                    await self._admin.start()
                return await question(self._admin)
        except BaseException:
            await self._disconnect()
            raise

    async def _disconnect(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()


async def _committed(admin: AIOKafkaAdminClient) -> dict[int, int]:
    found = await admin.list_consumer_group_offsets(WORKER_GROUP, partitions=_AT)
    if len(found) < len(_AT):  # aiokafka overlooks the error of an answer as a whole
        raise CoordinatorLoadInProgressError
    return {at.partition: max(0, found[at].offset) for at in _AT}


def _partitions(member: tuple[Any, ...]) -> int:
    """Of a member as DescribeGroups lists it; its assignment is the last field."""
    if not member[-1]:
        return 0
    assignment = ConsumerProtocolMemberAssignment.decode(member[-1])
    return sum(len(numbers) for topic, numbers in assignment.assignment if topic == PLAY_RECORDED.name)
