"""The seam between Kafka and the agents: an agent is handed slices, and acknowledges each one.

Whatever engine stands behind `slices` keeps these invariants; agents rely on nothing else:

1. A slice holds at most `max_records` records, of any of the topic's partitions. Those of one
   partition stand in the order of their offsets, and the next slice goes on where this one ended:
   no offset is left out. If one is missing on the broker, RecordsLost is raised.
2. The first slice after an assignment starts at the group's commit, or at the beginning.
   Records can come again after a rebalance or a restart, never fewer.
3. Nothing is committed but what `Slice.acknowledge` named, and it names all records of the
   slice. One slice is out at a time, so acknowledgements come in order.
4. A slice whose partitions were taken away meanwhile acknowledges nothing.
5. While idle a record waits at most `linger_s` for company. When the agent is slow, reading
   stops: memory is bounded by the buffers of streams/app.py.
6. While partitions are given up, no new slice comes, and the one in hand may finish.

Today's engine is Faust's own `noack().noack_take()`. It must be both: without the outer
`noack`, the generator's `finally` turns acknowledging on again after a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from msgspec import Struct

from streams.contracts.record import Record
from streams.positions import InHand, Positions


class Slice(Struct, frozen=True):
    """Records to work on together. Call `acknowledge` once all that they ask for is durable."""

    records: list[Record]
    acknowledge: Callable[[], None]


async def slices(
    stream: Any, positions: Positions, in_hand: InHand, *, max_records: int, linger_s: float
) -> AsyncIterator[Slice]:
    """The slices of a Faust stream of raw bytes. Raises RecordsLost."""
    app = stream.app
    async for events in stream.noack().noack_take(max_records, within=linger_s):
        if not app.flow_control.is_active():
            continue  # read before a rebalance or a stop: they come again, here or elsewhere
        generation: int = app.consumer_generation_id
        messages = [event.message for event in events if event.message.generation_id == generation]
        ends: dict[tuple[str, int], int] = {}
        for message in messages:
            positions.read(message.topic, message.partition, message.offset, generation)
            ends[message.topic, message.partition] = message.offset + 1
        if not messages:
            continue
        with in_hand:
            yield Slice([_record(message) for message in messages], _acknowledge(positions, ends, generation))


def _acknowledge(positions: Positions, ends: dict[tuple[str, int], int], generation: int) -> Callable[[], None]:
    def acknowledge() -> None:
        for (topic, partition), upto in ends.items():
            positions.store(topic, partition, upto, generation)

    return acknowledge


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=round((message.timestamp or 0.0) * 1000),
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
    )
