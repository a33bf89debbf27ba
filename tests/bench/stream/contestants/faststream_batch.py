"""FastStream: a batch subscriber whose handler is handed typed events; the offset is committed after it.

As its documentation has batches and msgspec models: `batch=True`, `AckPolicy.ACK`, and the broker's
own decoding into what the handler's annotation says. With `--raw` the events are left as bytes and
decoded in one go by our fastest decode: the most that somebody who knows both could get out of it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fast_depends.msgspec import MsgSpecSerializer
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker

from streams.contracts.events import PlayRecorded
from streams.contracts.topics import PLAY_RECORDED
from tests.bench.stream.contestants.common import First, Sink, asked, decode_many, most_rows

BATCH = {"batch": True, "ack_policy": AckPolicy.ACK, "auto_offset_reset": "earliest"}
FETCH = {"max_partition_fetch_bytes": 16 << 20, "fetch_max_bytes": 64 << 20}  # as the bare loop


async def main() -> None:
    """Work until SIGTERM."""
    options = asked(__doc__, ("--raw", {"action": "store_true"}))
    sink, first = Sink(options.data), First()
    broker = KafkaBroker(
        options.bootstrap,
        logger=None,
        allow_auto_create_topics=False,
        apply_types=not options.raw,
        serializer=MsgSpecSerializer(),
    )
    batches = {**BATCH, **FETCH, "group_id": options.group, "max_records": most_rows()}

    async def typed(events: list[PlayRecorded]) -> None:
        first()
        await asyncio.to_thread(sink.store_events, events)

    async def whole(message: Any) -> Any:
        return message.raw_message

    async def raw(records: Any) -> None:
        first()
        await asyncio.to_thread(lambda: sink.store(decode_many(records)))

    if options.raw:
        broker.subscriber(PLAY_RECORDED.name, decoder=whole, **batches)(raw)
    else:
        broker.subscriber(PLAY_RECORDED.name, **batches)(typed)
    await FastStream(broker).run()


if __name__ == "__main__":
    asyncio.run(main())
