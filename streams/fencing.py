"""Two workers under one static name: the one whose place was taken is told so, and does not take it back.

Kafka gives a static name's partitions to who joins last. aiokafka 0.14 says its static name only when it
joins and syncs, so a later heartbeat or commit is answered with "unknown member", as after a session that ran
out; it joins again, and the two take the place from each other for ever. Here the broker is asked once more,
with the name (KIP-345): only where another holds it the answer is "fenced".
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownMemberIdError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import HeartbeatRequest, HeartbeatResponse_v1, JoinGroupRequest, SyncGroupRequest
from aiokafka.protocol.types import Int32, Schema, String

from streams.contracts.errors import UserError

_FENCED = 82  # FENCED_INSTANCE_ID, which aiokafka does not know


class _HeartbeatResponseV3(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 12
    API_VERSION = 3
    SCHEMA = HeartbeatResponse_v1.SCHEMA


class _HeartbeatRequestV3(RequestStruct):  # type: ignore[misc]
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = _HeartbeatResponseV3
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class _NamedHeartbeat(Request[_HeartbeatRequestV3]):  # type: ignore[misc]
    API_KEY = 12

    def __init__(self, group: str, generation: int, member: str, name: str) -> None:
        self._fields = (group, generation, member, name)

    def build(self, request_struct_class: type[_HeartbeatRequestV3]) -> _HeartbeatRequestV3:
        return request_struct_class(*self._fields)


class Fence:
    """Stands between aiokafka's group coordinator and its connections, in the consumer's own loop.

    `error` is set once another member holds the name; from then on the consumer never joins again.
    """

    error: UserError | None = None

    def __init__(self, consumer: AIOKafkaConsumer, name: str) -> None:
        self._consumer, self._name = consumer, name
        self._send = consumer._client.send
        consumer._client.send = self._watched

    async def _watched(self, node_id: int, request: Any, **how: Any) -> Any:
        if self.error is not None and isinstance(request, JoinGroupRequest):
            await asyncio.wait([self._consumer._coordinator._closing])
            raise KafkaError(self.error.message)
        response = await self._send(node_id, request, **how)
        if isinstance(request, JoinGroupRequest | SyncGroupRequest | HeartbeatRequest):
            codes = {response.error_code}
        elif isinstance(request, OffsetCommitRequest):
            codes = {code for _, partitions in response.topics for _, code in partitions}
        else:
            return response
        if _FENCED in codes or (UnknownMemberIdError.errno in codes and await self._taken(node_id, how)):
            self.error = UserError(
                f"Another worker runs as {self._name!r}, and has taken this one's place in the group.",
                cure="Give each worker a SPOTIFIRE_WORKER_ID of its own, or none at all.",
            )
        return response

    async def _taken(self, node_id: int, how: dict[str, Any]) -> bool:
        """Whether another member holds our name; a name that nobody holds was ours until our session ran out."""
        coordinator = self._consumer._coordinator
        if not coordinator.member_id:  # not a member: the broker did not know one that came back, and says so
            return False
        ask = _NamedHeartbeat(coordinator.group_id, coordinator.generation, coordinator.member_id, self._name)
        try:
            return bool((await self._send(node_id, ask, **how)).error_code == _FENCED)
        except KafkaError:  # it joins again, and is told then
            return False
