"""quix-streams: a streaming data frame whose function decodes each event, into a batching sink.

As its documentation has custom sinks: a `BatchingSink` gathers what comes between two checkpoints,
and the checkpoint commits once `write` has returned; `commit_every` bounds a batch.
"""

from __future__ import annotations

from quixstreams import Application
from quixstreams.models import BytesDeserializer
from quixstreams.sinks import BatchingSink, SinkBatch

from streams.contracts.events import PlayRecorded
from streams.contracts.topics import PLAY_RECORDED
from tests.bench.stream.contestants.common import First, Sink, asked, decode_one, most_rows


class Sightings(BatchingSink):  # type: ignore[misc]
    """One insert of each batch."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def write(self, batch: SinkBatch) -> None:
        """A partition's records since the last checkpoint."""
        self._sink.store_events([item.value for item in batch])


def main() -> None:
    """Work until SIGTERM."""
    options = asked(__doc__)
    sink, first = Sink(options.data), First()
    app = Application(
        broker_address=options.bootstrap,
        consumer_group=options.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_every=most_rows(),
        state_dir=options.data / "quix",
        loglevel="WARNING",
    )

    def decode(value: bytes) -> PlayRecorded:
        first()
        return decode_one(value)

    topic = app.topic(PLAY_RECORDED.name, value_deserializer=BytesDeserializer())
    app.dataframe(topic).apply(decode).sink(Sightings(sink))
    app.run()


if __name__ == "__main__":
    main()
