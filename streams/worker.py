"""The worker's life inside an event loop: it starts, watches over itself, and stops.

What happens to a record in between: streams/chunks.py, then streams/agents.py.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

import faust
import structlog
from aiokafka.errors import KafkaError

from streams.agents import CommandRunner, SlicePipeline, Work
from streams.app import WorkerSettings, attach, make_app
from streams.chunks import slices
from streams.consumer import StoredOffsets
from streams.contracts.errors import BrokerUnavailable, SpotifireError
from streams.contracts.topics import HOUR, LISTENER_COMMAND, PLAY_RECORDED, PLAYBACK_CHANGED
from streams.metrics import Metrics
from streams.offsets import GroupOffsets
from streams.outlet import Outlet
from streams.positions import InHand, Positions
from streams.publisher import Publisher, PublisherSettings
from streams.watchdog import Stuck, Watchdog

_TOLD_BYTES = 512 * 1024  # a batch; a slice is told at once, and with 128 KiB the worker is a tenth slower
_WATCH_S = 0.1  # between two looks at whether the app lives
_LAG_S = 1.0  # between two looks at the lag
_STOP_S = 1.5  # for the slices in hand when stopping
_LEAVE_S = 5.0  # for Faust, then for the publisher: used up only when the broker or a thread is gone
_READ_TOPICS = (PLAY_RECORDED, LISTENER_COMMAND, PLAYBACK_CHANGED)
_SHORT_LIVED = [topic.name for topic in _READ_TOPICS if topic.retention_ms == HOUR]

log = structlog.get_logger(__name__)


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
