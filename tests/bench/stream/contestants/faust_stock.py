"""Stock Faust: an agent that is handed single events, gathers them with `take`, and inserts a batch.

As its documentation shows batches, with its default settings; each event is decoded on arrival.
(Its `take` also acknowledges a batch whose insert failed. That costs no time, so it is left as it is.)
"""

from __future__ import annotations

from typing import Any

import faust

from streams.contracts.topics import PLAY_RECORDED
from tests.bench.stream.contestants.common import First, Sink, asked, decode_one, most_rows


def main() -> None:
    """Work until SIGTERM."""
    options = asked(__doc__)
    sink, first, rows = Sink(options.data), First(), most_rows()
    app = faust.App(
        options.group,
        broker=f"kafka://{options.bootstrap}",
        datadir=str(options.data / "faust"),
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )

    def decode(value: bytes) -> Any:
        first()
        return decode_one(value)

    async def store(stream: Any) -> None:
        stream.add_processor(decode)
        async for batch in stream.take(rows, within=1.0):
            sink.store_events(batch)

    app.agent(app.topic(PLAY_RECORDED.name, key_serializer="raw", value_serializer="raw"))(store)
    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
