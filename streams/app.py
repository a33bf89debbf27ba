"""The Faust worker: its app, its settings with their reasons, and its life inside an event loop.

    Kafka -> Faust's consumer -> streams/chunks.py -> streams/agents.py -> Pipeline, Outlet

Nothing happens when this module is imported, and there is no app at module level: `Worker`
makes one when it starts, in the loop that runs then. So one process can hold the worker, the
API and the embedded engine, and a test can hold several workers.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Any, cast

import faust
import structlog
from aiokafka.errors import KafkaError
from faust.app.base import BootStrategy
from faust.contrib.asgi import bind_to_running_loop
from msgspec import Struct

from streams.agents import CommandRunner, SlicePipeline, Work, attach
from streams.chunks import slices
from streams.consumer import StoredOffsets
from streams.contracts.errors import BrokerUnavailable, SpotifireError
from streams.contracts.topics import HOUR, LISTENER_COMMAND, PLAY_RECORDED, PLAYBACK_CHANGED, WORKER_GROUP
from streams.metrics import Metrics
from streams.offsets import GroupOffsets
from streams.outlet import Outlet
from streams.positions import InHand, Positions
from streams.publisher import Publisher, PublisherSettings
from streams.reading import SliceScheduler
from streams.watchdog import Stuck, Watchdog

_BUFFERED_RUNS = 4
_FETCH_BYTES = 1024 * 1024  # of one partition: some 2,000 plays unpacked; packed with zstd more than a slice
_TOLD_BYTES = 512 * 1024  # a batch; a slice is told at once, and with 128 KiB the worker is a tenth slower
_WATCH_S = 0.1  # between two looks at whether the app lives
_LAG_S = 1.0  # between two looks at the lag
_STOP_S = 1.5  # for the slices in hand when stopping
_LEAVE_S = 5.0  # for Faust, then for the publisher: used up only when the broker or a thread is gone
_READ_TOPICS = (PLAY_RECORDED, LISTENER_COMMAND, PLAYBACK_CHANGED)
_SHORT_LIVED = [topic.name for topic in _READ_TOPICS if topic.retention_ms == HOUR]

log = structlog.get_logger(__name__)


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


class Worker:
    """Reads PLAY_RECORDED and PLAYBACK_CHANGED, and hands slices to the pipeline.

    With `commands` it reads LISTENER_COMMAND too. All workers of a group must read the same topics:
    then whoever holds a listener's plays holds their commands (Faust's assignor sees to that).

    `start` and `stop` work inside any running loop and install no signal handler. Whoever runs
    it waits for `failed()` beside his own end:

        worker = Worker(settings, pipeline, metrics)
        await worker.start()
        ...
        await worker.stop()

    `stop` takes under 3 s: the slices in hand may finish and are committed. The pipeline's threads
    cannot be killed: a store that retries must be told to give up (its `stopping` event).
    """

    def __init__(
        self,
        settings: WorkerSettings,
        pipeline: SlicePipeline[Any],
        metrics: Metrics,
        *,
        commands: CommandRunner | None = None,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._commands = commands
        self._metrics = metrics
        publishing = PublisherSettings(
            bootstrap=settings.bootstrap,
            group=settings.group,
            client_id="spotifire-worker",
            batch_bytes=_TOLD_BYTES,
        )
        self._outlet = Outlet(partial(Publisher, publishing), metrics.retried)
        self._offsets = GroupOffsets(settings.bootstrap, settings.group)
        self._positions = Positions(
            in_memory=settings.broker_in_memory, accept_loss=settings.accept_loss, short_lived=_SHORT_LIVED
        )
        self._in_hand = InHand()
        self._topics = [topic for topic in _READ_TOPICS if commands is not None or topic is not LISTENER_COMMAND]
        self._app: faust.App | None = None
        self._work: Work[Any] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Connect, join the group and begin. Raises BrokerUnavailable when no broker answers.

        Joining takes as long as the other members need to finish what they have in hand. Raises what
        ends the worker meanwhile.
        """
        settings = self._settings
        self._ended = asyncio.get_running_loop().create_future()
        await self._outlet.start()
        try:
            await self._offsets.start()
            app = self._app = make_app(settings)
            transport: Any = app.transport  # where Faust says to set a consumer of one's own
            transport.Consumer = StoredOffsets.of(
                self._positions, self._in_hand, stop_s=_STOP_S, fetch_wait_s=settings.fetch_wait_s
            )
            work = self._work = Work(
                self._pipeline,
                self._outlet,
                self._metrics,
                self._in_hand,
                publish_enriched=settings.publish_enriched,
            )
            attach(
                app,
                work,
                self._commands,
                partial(
                    slices,
                    positions=self._positions,
                    in_hand=self._in_hand,
                    max_records=settings.slice_records,
                    linger_s=settings.linger_s,
                ),
            )
            self._tasks = [
                asyncio.create_task(self._watch(app), name="worker-watch"),
                asyncio.create_task(self._measure_lag(app, work), name="worker-lag"),
            ]
            for task in self._tasks:
                task.add_done_callback(self._task_ended)
            await self._started(app)
        except KafkaError as error:
            await self._release()
            raise BrokerUnavailable(f"Kafka at {settings.bootstrap} cannot be reached: {error}.") from error
        except BaseException:
            await self._release()
            raise
        log.info("worker started", group=settings.group, bootstrap=settings.bootstrap)

    async def stop(self) -> None:
        """Finish the slices in hand, commit them, leave the group. Stopping twice changes nothing."""
        if self._app is None:
            return
        await self._release()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
        log.info("worker stopped", group=self._settings.group)

    def assigned(self) -> set[tuple[str, int]]:
        """The (topic, partition) that this worker reads now."""
        return set() if self._app is None else cast(StoredOffsets, self._app.consumer).own()

    async def failed(self) -> None:
        """Wait until the worker ends: raises what ended it, or returns after `stop`."""
        if self._ended is None:
            raise SpotifireError("The worker was not started.")
        await asyncio.shield(self._ended)

    async def run(self, stopping: asyncio.Event) -> None:
        """Start, work until `stopping` is set, stop. Raises what ended it: for a process of its own."""
        await self.start()
        asked = asyncio.create_task(stopping.wait())
        ended = asyncio.create_task(self.failed())
        try:
            await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            await self.stop()
        await ended

    async def _started(self, app: faust.App) -> None:
        starting = asyncio.create_task(app.start(), name="worker-start")
        ended = asyncio.create_task(self.failed())
        try:
            await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                ended.result()
            await starting
        finally:
            for task in (starting, ended):
                task.cancel()
            await asyncio.gather(starting, ended, return_exceptions=True)

    async def _release(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        app, self._app = self._app, None
        if app is not None:
            try:
                async with asyncio.timeout(_LEAVE_S):
                    await app.stop()
            except Exception as error:  # after a crash its threads may be gone
                log.warning("Faust did not end well", error=repr(error))
        if self._work is not None:
            self._work.stop()
        await self._offsets.stop()
        await self._outlet.stop(timeout_s=_LEAVE_S)

    async def _watch(self, app: faust.App) -> None:
        while not app.should_stop:  # noqa: ASYNC110  Faust sets it from several threads and loops
            await asyncio.sleep(_WATCH_S)
        self._fail(app.crash_reason or SpotifireError("The worker ended by itself."))

    async def _measure_lag(self, app: faust.App, work: Work[Any]) -> None:
        settings, now = self._settings, asyncio.get_running_loop().time
        reading = cast(StoredOffsets, app.consumer)
        every = {(topic.name, number) for topic in self._topics for number in range(topic.partitions)}
        watchdog = Watchdog(now(), stalled_s=settings.stalled_s, joining_s=settings.stalled_s + settings.rebalance_s)
        while True:
            await asyncio.sleep(_LAG_S)
            own = reading.own()
            try:
                standings = await self._offsets.read(sorted(every | own))
            except BrokerUnavailable as error:
                log.warning("lag unknown", error=error.message)
                watchdog.unknown(now())
                continue
            self._metrics.lag(settings.group, {at: each.lag for at, each in standings.items()})
            # another worker's partitions may stand still by its own fault
            watched = {at: each for at, each in standings.items() if at in own}
            try:
                watchdog.look(now(), reading, watched, work.alive())
            except Stuck as error:
                self._fail(error)
                return

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._ended is not None and not self._ended.done():
            log.error("worker failed", error=repr(error))
            self._ended.set_exception(error)
            self._ended.exception()  # seen, also when nobody awaits failed()
