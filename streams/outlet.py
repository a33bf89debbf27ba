"""What a batch tells, published for as long as that takes.

A Publisher that lost a record refuses all that follow, for their order is broken. Here the whole
batch is published anew with a new one: readers of every topic expect that records repeat. So an
outage of the broker neither ends a worker nor lets it acknowledge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_never, wait_random_exponential

from streams.contracts.errors import SpotifireError
from streams.contracts.topics import DEAD_LETTER, PLAY_ENRICHED, Topic
from streams.publisher import Publisher
from streams.refusals import DeadLetter
from streams.telling import Messages
from streams.vitals import alive

_LONGEST_PAUSE_S = 10.0

log = structlog.get_logger(__name__)


class Outlet:
    """PLAY_ENRICHED, DEAD_LETTER and tombstones.

    `make` gives a Publisher that was not started; `retried` is told of each retry.
    """

    def __init__(self, make: Callable[[], Publisher], retried: Callable[[], None]) -> None:
        self._make = make
        self._retried = retried
        self._publisher: Publisher | None = None
        self._stopping = asyncio.Event()

    async def start(self) -> Publisher:
        """Connect. Raises BrokerUnavailable."""
        publisher = self._make()
        await publisher.start()
        self._publisher = publisher
        return publisher

    def give_up(self) -> None:
        """Try nothing again."""
        self._stopping.set()

    async def stop(self, *, timeout_s: float) -> None:
        """Disconnect. What is not sent by then belongs to a batch that was not acknowledged: it comes again."""
        self.give_up()
        publisher, self._publisher = self._publisher, None
        if publisher is None:
            return
        try:
            await publisher.stop(timeout_s=timeout_s)
        except SpotifireError as error:
            log.warning("publisher did not end well", error=error.message)

    async def tell(
        self,
        enriched: Messages,
        dead_letters: Sequence[DeadLetter],
        tombstones: Sequence[tuple[Topic, Sequence[bytes]]],
    ) -> None:
        """Publish; returns when the broker has it. Raises what time cannot mend."""
        if not enriched.keys and not dead_letters and not tombstones:
            return
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, SpotifireError) and error.retriable),
            wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_PAUSE_S),
            stop=stop_never,
            sleep=self._pause,
            before_sleep=self._say,
            reraise=True,
        ):
            with attempt:
                await self._tell(enriched, dead_letters, tombstones)

    async def _tell(
        self,
        enriched: Messages,
        dead_letters: Sequence[DeadLetter],
        tombstones: Sequence[tuple[Topic, Sequence[bytes]]],
    ) -> None:
        publisher = self._publisher or await self.start()
        try:
            await publisher.publish_many(PLAY_ENRICHED, enriched.keys, enriched.values)
            if dead_letters:
                keys, values, headers = zip(*dead_letters, strict=True)
                await publisher.publish_many(DEAD_LETTER, keys, values, headers)
            for topic, gone in tombstones:
                await publisher.publish_many(topic, gone, [None] * len(gone))
            await publisher.flush()
        except SpotifireError:
            await self._discard(publisher)
            raise

    async def _discard(self, publisher: Publisher) -> None:
        self._publisher = None
        try:
            await publisher.stop(timeout_s=0.0)
        except SpotifireError as error:
            log.debug("a publisher is replaced", error=error.message)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise asyncio.CancelledError

    def _say(self, state: RetryCallState) -> None:
        alive()  # in the loop's thread, which is not a store's: see Work.alive
        self._retried()
        error = state.outcome.exception() if state.outcome else None
        log.warning("publishing is tried again", error=str(error), attempt=state.attempt_number)
