"""Reading and publishing an export in a process of its own: `up` is one process, and Python works in one thread.

    parent: the request, one line of JSON ->            stdin  of the child; its end ends the child
    child:  Answers, the last one Fed or Failed ->      stdout, JSON by the line

The database stays with the parent, since the embedded engine serves one process. The child is a fresh
interpreter and no fork: chDB survives none. What it logs the parent logs. It ends with its parent, however
that ends, and an import whose child was killed is run again like any other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn, cast

import msgspec
import structlog
from msgspec import Struct

from producers.history.feeding import Fed, Found, OnFound, OnProgress, Progress, feed
from streams.contracts.errors import BrokerUnavailable, SpotifireError, UserError
from streams.publisher import Publisher, PublisherSettings

WORTH_BYTES = 1 << 20  # of files: below it a child's start (half a second of processor) takes longer than the rows
_LINE = 64 << 20  # bytes of a message at most: the names of 10,000 files
# a round trip to the broker takes one batch of a partition, and a fetch of the worker what is there by then: with
# batches of 128 KiB its slices are of 1,300 rows and cost twice as much a row
_BATCH_BYTES = 512 * 1024
_AGAIN = "Import again: what is stored is not added twice."

log = structlog.get_logger(__name__)


class Request(Struct, frozen=True, kw_only=True):
    """What the child is to do."""

    bootstrap: str
    paths: list[str]
    listener: int
    import_id: int


class Said(Struct, frozen=True, kw_only=True):
    """A line of the child's log."""

    level: str
    event: str
    about: dict[str, Any] = {}


class Failed(Struct, frozen=True, kw_only=True):
    """Why there is no Fed. `kind` is the name of the exception's type."""

    kind: str
    message: str
    cure: str


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the child tells: one of these."""

    found: Found | None = None
    progress: Progress | None = None
    said: Said | None = None
    fed: Fed | None = None
    failed: Failed | None = None


Say = Callable[[Answer], None]

_decode = msgspec.json.Decoder(Answer).decode


class Apart:
    """producers.history.feeding.Feed in a process of its own, one at a time: others take `up`'s own."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._busy = False

    def takes(self, paths: Sequence[Path]) -> bool:
        """Whether it is free, and the files are large enough. Looks at the disk."""
        return not self._busy and sum(path.stat().st_size for path in paths if path.is_file()) >= WORTH_BYTES

    async def __call__(
        self, paths: Sequence[Path], listener: int, import_id: int, found: OnFound, tell: OnProgress
    ) -> Fed:
        """As producers.history.feeding.feed. Raises SpotifireError also when the child was killed."""
        request = Request(
            bootstrap=self._bootstrap,
            paths=[str(path.absolute()) for path in paths],
            listener=listener,
            import_id=import_id,
        )
        self._busy = True
        try:
            child = await _started()
            try:
                return await _followed(child, request, found, tell)
            finally:
                if child.returncode is None:
                    child.kill()
                await asyncio.shield(child.wait())
        finally:
            self._busy = False


async def _started() -> Process:
    # it finds what we found, and nothing in the folder where the command was given; Ctrl-C is for us alone
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "deploy.apart",
        stdin=PIPE,
        stdout=PIPE,
        env=environment,
        limit=_LINE,
        start_new_session=True,
    )


async def _followed(child: Process, request: Request, found: OnFound, tell: OnProgress) -> Fed:
    asked, answers = cast(StreamWriter, child.stdin), cast(StreamReader, child.stdout)
    asked.write(msgspec.json.encode(request) + b"\n")
    async for line in answers:
        answer = _decode(line)
        if answer.progress:
            await tell(answer.progress)
        elif said := answer.said:
            log.log(logging.getLevelNamesMapping().get(said.level.upper(), logging.INFO), said.event, **said.about)
        elif answer.found:
            await found(answer.found)
            asked.write(b"\n")  # go on
        elif answer.failed:
            raise _error(answer.failed)
        elif answer.fed:
            return answer.fed
    code = await child.wait()
    how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    raise SpotifireError(f"The process that reads the export {how}.", cure=_AGAIN)


def _error(failed: Failed) -> Exception:
    for kind in (SpotifireError, UserError, BrokerUnavailable):
        if kind.__name__ == failed.kind:
            return kind(failed.message, cure=failed.cure)
    return RuntimeError(f"{failed.kind} in the process that reads the export: {failed.message}")


def main() -> None:
    """The child."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    asked = sys.stdin.buffer
    request = msgspec.json.decode(asked.readline(), type=Request)
    say = partial(_say, answers, threading.Lock())
    _log_to(say)
    asyncio.run(_work(request, asked, say))


def _say(answers: IO[bytes], lock: threading.Lock, answer: Answer) -> None:
    with lock:
        answers.write(msgspec.json.encode(answer, enc_hook=repr) + b"\n")


async def _work(request: Request, asked: IO[bytes], say: Say) -> None:
    loop, go_on = asyncio.get_running_loop(), asyncio.Event()

    def listen() -> None:
        asked.readline()
        loop.call_soon_threadsafe(go_on.set)
        asked.read()
        os._exit(1)  # the parent is gone; whatever state we are in, importing again mends it

    async def found(what: Found) -> None:
        say(Answer(found=what))
        await go_on.wait()

    async def tell(how_far: Progress) -> None:
        say(Answer(progress=how_far))

    threading.Thread(target=listen, name="parent", daemon=True).start()
    try:
        async with Publisher(_settings(request.bootstrap)) as publisher:
            paths = [Path(path) for path in request.paths]
            fed = await feed(paths, request.listener, request.import_id, found, tell, publisher=publisher)
    except SpotifireError as error:
        say(Answer(failed=Failed(kind=type(error).__name__, message=error.message, cure=error.cure)))
    except Exception as error:
        log.exception("import failed")
        say(Answer(failed=Failed(kind=type(error).__name__, message="the log has the details", cure="")))
    else:
        say(Answer(fed=fed))


def _settings(bootstrap: str) -> PublisherSettings:
    return PublisherSettings(bootstrap=bootstrap, client_id="spotifire-import", batch_bytes=_BATCH_BYTES)


class _Handler(logging.Handler):
    """Of what libraries log."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(Answer(said=Said(level=record.levelname, event=record.getMessage(), about={"library": record.name})))


def _log_to(say: Say) -> None:
    """All that is logged in this process goes to the parent."""

    def tell(_logger: object, level: str, event: MutableMapping[str, Any]) -> NoReturn:
        about = dict(event)
        say(Answer(said=Said(level=level, event=str(about.pop("event", "")), about=about)))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.processors.format_exc_info, tell])
    logging.basicConfig(handlers=[_Handler(say)], force=True)


if __name__ == "__main__":
    main()
