"""The HTTP server, inside a loop that is ours: the port is taken first, signals stay with the command."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from streams.contracts.errors import SpotifireError, UserError

GRACE = 1  # seconds that open requests get when the server stops


def take_port(host: str, port: int) -> socket.socket:
    """A listening socket, before anything slow starts. Raises UserError when the port can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, else no TCP_NODELAY
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(128)
    except OSError as error:
        taken.close()
        message, cure = {
            errno.EADDRINUSE: (f"Port {port} is taken.", "Stop what holds it, or choose another: --port 0."),
            errno.EACCES: (f"Port {port} is not yours to open.", "Choose one above 1023 with --port."),
        }.get(error.errno or 0, (f"{host}:{port} cannot be opened ({error.strerror}).", "Check --host and --port."))
        raise UserError(message, cure=cure) from error
    taken.setblocking(False)
    return taken


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the command decides what a signal means


@asynccontextmanager
async def serving(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on the socket while the block runs. Raises SpotifireError when it does not come up."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]), name="http")
    try:
        while not server.started:
            if task.done():
                await task
                raise SpotifireError("The HTTP server ended before it began.")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task
