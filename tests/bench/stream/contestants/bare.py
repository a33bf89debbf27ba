"""The bare loop: aiokafka's getmany, one decode, one insert, one commit. No identity, no enrichment.

Tuned as somebody who knows aiokafka would: fetches that fill a batch, and the blocking work in a
thread, so that the next fetch comes in meanwhile.
"""

from __future__ import annotations

import asyncio
from itertools import chain

from aiokafka import AIOKafkaConsumer

from streams.contracts.topics import PLAY_RECORDED
from tests.bench.stream.contestants.common import First, Sink, asked, decode_many, most_rows, say


async def main() -> None:
    """Read until all records are stored and committed."""
    options = asked(__doc__)
    sink, first, left, rows = Sink(options.data), First(), options.records, most_rows()
    consumer = AIOKafkaConsumer(
        PLAY_RECORDED.name,
        bootstrap_servers=options.bootstrap,
        group_id=options.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=16 << 20,
        fetch_max_bytes=64 << 20,
    )
    await consumer.start()
    try:
        while left:
            taken = await consumer.getmany(timeout_ms=100, max_records=rows)
            records = list(chain.from_iterable(taken.values()))
            if not records:
                continue
            first()
            await asyncio.to_thread(lambda batch: sink.store(decode_many(batch)), records)
            await consumer.commit()
            left -= len(records)
    finally:
        await consumer.stop()
    say("done", inserts=sink.inserts)


if __name__ == "__main__":
    asyncio.run(main())
