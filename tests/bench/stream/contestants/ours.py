"""Our worker as `spotifire` runs it alone: deploy's own parts, put together on a data folder.

It says "ready" before it joins the group (with the broker's and ClickHouse's addresses where it
was told to open them), "first" at the first slice, and its own figures when it is told to stop.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack

from deploy import parts
from deploy.broker import open_broker
from deploy.parts import first_ending, working
from deploy.storage import clickhouse_settings, open_storage
from streams.contracts.record import Taken
from streams.metrics import Metrics
from streams.pipeline import Pipeline, Prepared
from tests.bench.stream.contestants.common import First, asked, say
from tests.bench.stream.databases import settings_of

FLAG = {"action": "store_true"}


def watched(first: First) -> type[Pipeline]:
    """The product's pipeline, that says when it is handed its first slice."""

    class Watched(Pipeline):
        def prepare(self, records: Sequence[Taken]) -> Prepared:
            first()
            return super().prepare(records)

    return Watched


async def main() -> None:
    """Work until SIGTERM. Raises what ended the worker."""
    options = asked(
        __doc__,
        ("--clickhouse", {"default": "embedded"}),
        ("--enriched", FLAG),
        ("--serve", FLAG),
    )
    settings = settings_of(
        options.data,
        kafka=options.bootstrap or "embedded",
        clickhouse=options.clickhouse,
        publish_enriched=options.enriched,
    )
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    parts.Pipeline = watched(First())  # type: ignore[attr-defined]
    async with AsyncExitStack() as opened:
        storage = opened.enter_context(open_storage(settings))
        broker = await opened.enter_async_context(open_broker(settings))
        url = options.clickhouse
        if options.serve:
            from deploy.clickhouse_http import ChdbHttpServer, Served  # loads the web server too

            path = clickhouse_settings(settings).path
            assert path is not None
            server = ChdbHttpServer(Served(path=path, database=settings.database))
            url = server.start()
            opened.callback(server.stop)
        metrics = Metrics()
        say("ready", bootstrap=broker.bootstrap, clickhouse=url)
        worker = await opened.enter_async_context(working(settings, storage, broker.bootstrap, metrics))
        await first_ending(stopping.wait, worker.failed)
        seen = metrics.snapshot()
        say("figures", p50=seen.p50, p99=seen.p99, stored=seen.stored, known=seen.known, enriched=seen.enriched)


if __name__ == "__main__":
    asyncio.run(main())
