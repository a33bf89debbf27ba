"""Trying again until it works: exponential back-off with jitter, for ever, or until we stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_when_event_set, wait_random_exponential
from tenacity.nap import sleep_using_event

from sinks.clickhouse import ClickHouse
from streams.contracts.errors import SpotifireError
from streams.vitals import alive

T = TypeVar("T")

log = structlog.get_logger(__name__)

LONGEST_S = 15.0


class Patience:
    """Runs an action until it succeeds; raises its last error once `stopping` is set.

    Only errors that call themselves retriable are waited for; any other comes out at once.
    """

    def __init__(self, stopping: threading.Event, *, first_s: float = 0.1, longest_s: float = LONGEST_S) -> None:
        self._retrying = Retrying(
            retry=retry_if_exception(lambda e: isinstance(e, SpotifireError) and e.retriable),
            wait=wait_random_exponential(multiplier=first_s, max=longest_s),
            stop=stop_when_event_set(stopping),
            sleep=sleep_using_event(stopping),
            before_sleep=_say,
            reraise=True,
        )

    def __call__(self, act: Callable[[], T]) -> T:
        """What `act` returns, however long that takes."""
        made = self._retrying.copy()(act)
        alive()
        return made


class PatientClickHouse(ClickHouse):
    """A connection every statement of which is tried again while ClickHouse is away: for a worker.

    It stands on another one, uses its handles and is closed with it. For statements that may be
    repeated, which all of ours may: rows are replaced by their key.
    """

    def __init__(self, ch: ClickHouse, stopping: threading.Event) -> None:
        super().__init__(ch.settings)
        self._ch = ch
        self._patiently = Patience(stopping)

    def _run(self, ask: Callable[[Any], T]) -> T:
        return self._patiently(lambda: self._ch._run(ask))


def _say(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    alive()
    wait = round(state.next_action.sleep, 2) if state.next_action else 0
    log.warning("store unavailable, trying again", error=str(error), attempt=state.attempt_number, wait_s=wait)
