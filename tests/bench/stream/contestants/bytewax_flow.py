"""bytewax: a dataflow of Kafka source, a map that decodes each event, collect, and a sink of its own.

As its documentation has it: `op.collect` makes the batches, and its recovery store takes the place
of commits (it keeps none in Kafka), with a snapshot every ten seconds and one at the end. It reads to
the end of the topic and stops.
"""

from __future__ import annotations

from datetime import timedelta

from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from streams.contracts.events import PlayRecorded
from streams.contracts.topics import PLAY_RECORDED
from tests.bench.stream.contestants.common import First, Sink, asked, decode_one, most_rows, say


class Partition(StatelessSinkPartition):  # type: ignore[misc]
    """One insert of each batch."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write_batch(self, batches: list[list[PlayRecorded]]) -> None:
        """The batches that `collect` made."""
        for batch in batches:
            self._sink.store_events(batch)


class Sightings(DynamicSink):  # type: ignore[misc]
    """The sink of the one worker."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Partition:
        """Its only partition."""
        return Partition(self._sink)


def main() -> None:
    """Read to the end of the topic."""
    options = asked(__doc__)
    sink, first = Sink(options.data), First()

    def decode(message: KafkaSourceMessage) -> tuple[str, PlayRecorded]:
        first()
        return str(message.partition), decode_one(message.value)

    flow = Dataflow("sightings")
    messages = op.input(
        "kafka", flow, KafkaSource([options.bootstrap], [PLAY_RECORDED.name], tail=False, batch_size=1000)
    )
    events = op.map("decode", messages, decode)
    batches = op.collect("collect", events, timeout=timedelta(seconds=1), max_size=most_rows())
    op.output("clickhouse", op.map("unkey", batches, lambda keyed: keyed[1]), Sightings(sink))
    recovery = options.data / "bytewax"
    recovery.mkdir()
    init_db_dir(recovery, 1)
    cli_main(flow, epoch_interval=timedelta(seconds=10), recovery_config=RecoveryConfig(str(recovery)))
    say("done", inserts=sink.inserts)


if __name__ == "__main__":
    main()
