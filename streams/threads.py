"""Threads for blocking work that cannot keep the process alive.

`concurrent.futures` waits for its threads when the interpreter ends. One that hangs in a socket
would then make a worker that had to end live on, and write beside whoever took its partitions.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple[Future[object], Callable[[], object]]


class Threads:
    """`count` daemon threads that work jobs off in the order in which they came."""

    def __init__(self, count: int, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._began: dict[int, float] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def idents(self) -> list[int]:
        """The threads' numbers, as threading.get_ident gives them."""
        return [thread.ident for thread in self._threads if thread.ident is not None]

    def busy(self) -> dict[int, float]:
        """The threads that work on a job, by number, and since when: seconds of the monotonic clock."""
        return self._began.copy()

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a job. After `stop` it is cancelled."""
        future: Future[T] = Future()
        self._jobs.put((future, lambda: work(*args, **kwargs)))  # type: ignore[arg-type]  # Future is invariant
        return future

    def stop(self) -> None:
        """Cancel what has not begun; what runs is not waited for. Stopping twice changes nothing."""
        self._stopped.set()
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        me = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            future, work = job
            if self._stopped.is_set():
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            self._began[me] = time.monotonic()
            try:
                made = work()
            except BaseException as error:  # raised where the result is awaited
                del self._began[me]
                future.set_exception(error)
            else:
                del self._began[me]
                future.set_result(made)
            del future, work, job  # not held until the next one comes
