"""A TCP proxy between one worker and ClickHouse that can fail in every way that a network can.

It understands as much HTTP as tells where a request ends and into which table it inserts, so a
fault falls on a chosen insert: before the server has it, after the server has acted on it, or in
its midst. Nothing in the product knows of it.
"""

from __future__ import annotations

import asyncio
import queue
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_plus, urlsplit

_HEAD_MOST = 1 << 20
_TABLE = re.compile(r"INSERT\s+INTO\s+(?:`?\w+`?\.)?`?(\w+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)

# as ClickHouse says it when merges cannot keep up
_BUSY = b"Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)\n"
_REFUSAL = (
    b"HTTP/1.1 500 Internal Server Error\r\nX-ClickHouse-Exception-Code: 252\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_BUSY), _BUSY)
)


class Fault(Enum):
    """What becomes of one request."""

    NONE = auto()
    REFUSED = auto()  # the server says that it cannot now
    RESET = auto()  # the connection breaks before the server has anything
    CUT = auto()  # it breaks with half of the request sent on
    DROPPED = auto()  # the server has acted, and its answer is never seen
    HELD_BEFORE = auto()  # as RESET, but only when the test says so
    HELD_AFTER = auto()  # as DROPPED, but only when the test says so


Plan = Callable[[str], Fault]
"""What to do with a request, by the table that it inserts into ("" for a query)."""


def honest(_: str) -> Fault:
    """The plan without faults."""
    return Fault.NONE


@dataclass
class Held:
    """A request that waits for `release`; then its connection breaks."""

    table: str
    release: Callable[[], object]


@dataclass
class Proxy:
    """Listens on a loopback port of its own, in a thread of its own. A context manager."""

    upstream: str  # http://host:port
    plan: Plan = honest
    held: queue.Queue[Held] = field(default_factory=queue.Queue)
    faults: Counter[Fault] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)  # inserts whose answer was handed on, by table
    url: str = ""

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._open()).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close()).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_MOST)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._relay(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # one side went away: so does the other
        finally:
            writer.transport.abort()  # a reset, and no polite end
            self._tasks.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while True:
                request = await _message(reader)
                table = _table(request)
                fault = self.plan(table)
                if fault is not Fault.NONE:
                    self.faults[fault] += 1
                if fault is Fault.REFUSED:
                    writer.write(_REFUSAL)
                    continue
                if fault is Fault.RESET:
                    return
                if fault is Fault.HELD_BEFORE:
                    await self._hold(table)
                    return
                if behind is None:
                    there = urlsplit(self.upstream)
                    behind = await asyncio.open_connection(there.hostname, there.port, limit=_HEAD_MOST)
                if fault is Fault.CUT:
                    behind[1].write(request[: len(request) // 2])
                    await behind[1].drain()
                    return
                behind[1].write(request)
                await behind[1].drain()
                answer = await _message(behind[0])
                if fault is Fault.DROPPED:
                    return
                if fault is Fault.HELD_AFTER:
                    await self._hold(table)
                    return
                writer.write(answer)
                await writer.drain()
                if answer.startswith(b"HTTP/1.1 200"):
                    self.answered[table] += 1
        finally:
            if behind is not None:
                behind[1].close()
                with suppress(OSError):
                    await behind[1].wait_closed()

    async def _hold(self, table: str) -> None:
        released = asyncio.Event()
        self.held.put(Held(table, lambda: self._loop.call_soon_threadsafe(released.set)))
        await released.wait()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One request or answer, as it came."""
    head = await reader.readuntil(b"\r\n\r\n")
    if found := _LENGTH.search(head):
        return head + await reader.readexactly(int(found[1]))
    if not _CHUNKED.search(head):
        return head
    parts = [head]
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        parts += [line, await reader.readexactly(size + 2)]
        if not size:
            return b"".join(parts)


def _table(request: bytes) -> str:
    line = request.split(b"\r\n", 1)[0].decode("latin-1")
    found = _TABLE.search(unquote_plus(line)) or _TABLE.search(request[: 1 << 14].decode("latin-1"))
    return found[1] if found else ""
