"""The Faust app of the worker: its settings with their reasons, and its agents.

Nothing happens when this module is imported, and there is no app at module level: `Worker`
(streams/worker.py) makes one when it starts, in the loop that runs then. So one process can hold the
worker, the API and the embedded engine, and a test can hold several workers.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.contrib.asgi import bind_to_running_loop
from faust.types import AgentT
from mode import CrashingSupervisor
from msgspec import Struct

from streams.agents import CommandRunner, Work
from streams.chunks import Slice
from streams.contracts.topics import LISTENER_COMMAND, PLAY_RECORDED, PLAYBACK_CHANGED, WORKER_GROUP
from streams.reading import SliceScheduler

_BUFFERED_RUNS = 4
_FETCH_BYTES = 1024 * 1024  # of one partition: some 2,000 plays unpacked; packed with zstd more than a slice


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """How the worker reads. Durations are in seconds."""

    bootstrap: str
    data_dir: Path  # Faust makes its folder `faust` in it; nothing of ours lies there
    group: str = WORKER_GROUP
    publish_enriched: bool = True
    slice_records: int = 10_000  # at most; small while idle, and so many when behind
    linger_s: float = 0.1  # so that there are at most ten inserts a second and table
    # how long a fetch may wait for records. The in-process broker waits it out even when some
    # come, for all partitions of the connection; Apache Kafka answers at once.
    fetch_wait_s: float = 0.05
    # how often commits go out: publishers wait for them (streams/window.py), and a window holds 4,000 to
    # 50,000 records by the worker's pace, so this bounds what one partition can take in a second
    commit_s: float = 0.2
    # A worker that was killed holds its partitions for this long; the broker refuses less than 6.
    # Faust's own 60 s means a minute without a play after every crash.
    session_s: float = 6.0
    heartbeat_s: float = 1.0
    # A static member that is back within the session gets the same partitions, and nobody else
    # is disturbed. Must differ from worker to worker.
    instance_id: str | None = None
    broker_in_memory: bool = False  # the in-process broker: see Positions
    accept_loss: bool = False  # go on when records vanished, instead of stopping with RecordsLost
    # records wait, and for so long nothing was committed and nobody said that they wait for ClickHouse
    stalled_s: float = 60.0
    # For a member to finish what it has in hand and join again, before the broker goes on without it.
    # Three quarters of it are for the slices in hand.
    rebalance_s: float = 60.0


class _KafkaConsumerOnly(BootStrategy):
    """No web server: Faust's /table and /router would serve data to whoever asks. No producer:
    streams.publisher is the one way onto Kafka, and Faust's would be a second connection."""

    enable_web = False
    enable_kafka_producer = False


def make_app(settings: WorkerSettings) -> faust.App:
    """A Faust app without agents, bound to the running event loop."""

    class App(faust.App):
        BootStrategy = _KafkaConsumerOnly
        logger = logging.getLogger("faust")  # not that of this module: what Faust says is Faust's

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = App(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.bootstrap.split(",")],
        datadir=str(settings.data_dir / "faust"),
        autodiscover=False,
        # at least once, with deterministic ids; Faust's exactly_once is broken in several ways
        processing_guarantee="at_least_once",
        # records published before the first worker joined are read
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings.instance_id,
        # Faust's assignor remembers members by this address (it leads nowhere: there is no web server),
        # and refuses an assignment that was made for another. A container that takes the place of a
        # former one gets that one's assignment, and has another host name.
        canonical_url=f"http://{settings.instance_id}" if settings.instance_id else None,
        broker_session_timeout=settings.session_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_request_timeout=max(30.0, settings.session_s),
        broker_rebalance_timeout=settings.rebalance_s,
        # before partitions are given up, the slices in hand are finished and committed
        stream_wait_empty=True,
        broker_commit_interval=settings.commit_s,
        # one message for all that a fetch gave of a partition: streams/chunks.py
        ConsumerScheduler=SliceScheduler,
        # Memory: three slices in hand (only the last with its records), one being gathered, these Runs,
        # together one slice more, and one fetch in bytes. One fetch can unpack to a whole slice.
        stream_buffer_maxsize=_BUFFERED_RUNS,
        broker_max_poll_records=-(-settings.slice_records // _BUFFERED_RUNS),
        consumer_max_fetch_size=_FETCH_BYTES,
        # Faust makes room for standbys of tables that we do not have: of 4 partitions and three workers,
        # two would keep 2 each and the third have none
        table_standby_replicas=0,
        # topics are created by deploy/kafka/topics.py with our settings
        topic_allow_declare=False,
        topic_disable_leader=True,  # no leader topic: nothing of ours runs on a leader
        reply_create_topic=False,
        web_enabled=False,
        web_in_thread=False,
        web_router_enabled=False,
        web_tables_enabled=False,
        web_stats_enabled=False,
        web_graph_enabled=False,
        web_metrics_enabled=False,
        worker_redirect_stdouts=False,
        # a slice may wait for ClickHouse for as long as it takes: no warning on standard error
        stream_processing_timeout=24 * 3600.0,
        broker_commit_livelock_soft_timeout=24 * 3600.0,
        stream_recovery_delay=0.0,  # no tables, so nothing to wait for before the first record
    )
    bind_to_running_loop(app)
    return app


Slicer = Callable[[Any], AsyncIterator[Slice]]
"""Turns an agent's stream into slices: streams.chunks.slices with its settings bound."""


def attach(app: faust.App, work: Work[Any], commands: CommandRunner | None, slicer: Slicer) -> list[AgentT[Any]]:
    """Make the agents of the app: one a topic, and this list is all there are. No `commands`: none for them."""
    jobs: list[tuple[str, str, Callable[[AsyncIterator[Slice]], Awaitable[None]]]] = [
        ("plays", PLAY_RECORDED.name, work.plays),
        ("playback", PLAYBACK_CHANGED.name, work.playback),
    ]
    if commands is not None:
        jobs.append(("commands", LISTENER_COMMAND.name, partial(work.commands, commands)))
    return [_agent(app, name, topic, job, slicer) for name, topic, job in jobs]


def _agent(
    app: faust.App,
    name: str,
    topic: str,
    job: Callable[[AsyncIterator[Slice]], Awaitable[None]],
    slicer: Slicer,
) -> AgentT[Any]:
    async def agent(stream: Any) -> None:
        # closed at once when the job raises, and not when the collector comes by
        async with aclosing(slicer(stream)) as parts:  # type: ignore[type-var]
            await job(parts)

    # raw and without types: Faust acknowledges what it cannot decode, so it decodes nothing
    channel = app.topic(topic, key_serializer="raw", value_serializer="raw")
    return app.agent(
        channel,
        name=f"spotifire.{name}",
        concurrency=1,  # two would acknowledge out of order
        supervisor_strategy=CrashingSupervisor,
    )(agent)
