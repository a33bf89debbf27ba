"""ClickHouse's HTTP protocol in front of the embedded engine.

The engine serves one process; this lets others in: several workers in a test, Grafana or any SQL
client on a laptop (`up --serve-clickhouse PORT`). It can run inside a process that already holds
the data folder, or alone: `python -m deploy.clickhouse_http --path DIR --port N`.

Unless it is read-only (see clickhouse_engine.py), whoever is let in may do anything: without a password it
listens on loopback alone.
"""

from __future__ import annotations

import argparse
import hmac
import ipaddress
import os
import socket
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from deploy.clickhouse_engine import OURS, Engine, EngineError, connect
from deploy.clickhouse_request import LARGEST, Asked, decompressed, too_large, understand
from deploy.settings import read_secret
from streams.contracts.errors import UserError

log = structlog.get_logger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
STATUS = {
    **dict.fromkeys((27, 36, 41, 43, 47, 53, 62, 115, 456, 457), 400),
    **dict.fromkeys((164, 193, 194, 497, 516), 403),
    **dict.fromkeys((46, 60, 81), 404),
    159: 408,
}


@dataclass(frozen=True)
class Served:
    """What is served to whom. Without a user, everybody who reaches the port."""

    path: Path
    database: str = "default"
    user: str = ""
    password: str = field(default="", repr=False)
    read_only: bool = False


class ChdbHttp:
    """The protocol for one data folder, as an ASGI application."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._engine = Engine(str(served.path.resolve()), served.database, read_only=served.read_only)
        self.app = Starlette(
            routes=[
                Route("/ping", lambda _: PlainTextResponse("Ok.\n")),
                Route("/", self.answer, methods=["GET", "POST"]),
            ]
        )

    async def answer(self, request: Request) -> Response:
        """One request, one statement."""
        try:
            self._admit(request)
            asked = await _read(request)
            if not asked.statement:
                return PlainTextResponse("Ok.\n")
            first, rest, headers = await run_in_threadpool(self._engine.run, asked)
        except UserError as error:
            return _failed(EngineError(f"Code: 62. DB::Exception: {error.one_line()} (SYNTAX_ERROR)"))
        except EngineError as error:
            return _failed(error)

        def chunks() -> Iterator[bytes]:
            yield first
            yield from rest

        return StreamingResponse(chunks(), headers={"X-ClickHouse-Format": asked.format, **headers})

    def _admit(self, request: Request) -> None:
        """Refuse pages of a browser (they could reach a loopback port) and wrong passwords."""
        name = _host_name(request.headers.get("host", ""))
        served = request.scope.get("server") or ("", 0)
        # an image or a link of a foreign page sends no Origin, but browsers say where it comes from
        from_page = "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none"
        if from_page or (served[0] in LOOPBACK and name not in LOOPBACK):
            raise EngineError("Code: 516. DB::Exception: Not for web pages. (AUTHENTICATION_FAILED)")
        if not self._served.user:
            return
        user, password = _credentials(request)
        if not (_same(user, self._served.user) & _same(password, self._served.password)):
            raise EngineError("Code: 516. DB::Exception: Wrong user or password. (AUTHENTICATION_FAILED)")


class ChdbHttpServer:
    """The protocol on a port of its own, in a thread of its own."""

    def __init__(self, served: Served, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Raises UserError for an address that others reach, and no password."""
        if not (_is_loopback(host) or (served.user and served.password)):
            raise UserError(
                f"Whoever reaches {host or 'this machine'} could read and change everything.",
                cure="Give a password, or listen on 127.0.0.1.",
            )
        self._host, self._port = host, port
        config = uvicorn.Config(
            ChdbHttp(served).app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None
        self._keeper: Any = None
        self._folder = str(served.path.resolve())

    def start(self) -> str:
        """Listen; the URL. Raises UserError where the port is taken or the folder cannot be opened."""
        try:
            listening = socket.create_server((self._host, self._port), backlog=128)
        except OSError as error:
            raise UserError(
                f"Port {self._port} on {self._host} cannot be used: {error.strerror}.", cure="Choose another port."
            ) from error
        # accepted sockets inherit it; asyncio sets it only on sockets that name their protocol, and
        # without it each answer waits 40 ms for the client's acknowledgement
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._keeper = connect(self._folder)  # the engine stays open between requests
        except RuntimeError as error:
            listening.close()
            raise UserError(
                f"The data folder {self._folder} cannot be opened.", cure="Stop whoever holds it, and try again."
            ) from error
        self._port = listening.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name="clickhouse-http", daemon=True
        )
        self._thread.start()
        return f"http://{self._host}:{self._port}"

    def stop(self) -> None:
        """Cut off what is running, then close the port and the engine's connection.

        A query that ran on would outlive the engine, and take the process down with it.
        """
        self._server.should_exit = True
        while self._thread is not None and self._thread.is_alive():
            self._keeper.query(f"KILL QUERY WHERE Settings['log_comment'] = '{OURS}' ASYNC")
            self._thread.join(timeout=0.2)
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None


def _bounded(request: Request) -> Request:
    """The same request, whose body raises UserError where it is too large."""
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > LARGEST:
            raise too_large()
        return message

    return Request(request.scope, receive)


async def _read(request: Request) -> Asked:
    """The request's parts, uncompressed."""
    request = _bounded(request)
    url = dict(request.query_params)
    form: dict[str, str] = {}
    body = b""
    kind = request.headers.get("content-type", "")
    if kind.startswith(("multipart/form-data", "application/x-www-form-urlencoded")) and "query" not in url:
        async with request.form(max_fields=10_000, max_part_size=256 << 20) as fields:
            form = {name: value for name, value in fields.items() if isinstance(value, str)}
    else:
        body = decompressed(await request.body(), request.headers.get("content-encoding", ""))
    return understand(url, form, body, request.headers.get("x-clickhouse-format", ""))


def _failed(error: EngineError) -> Response:
    headers = {"X-ClickHouse-Exception-Code": str(error.code)}
    return PlainTextResponse(f"{error}\n", status_code=STATUS.get(error.code, 500), headers=headers)


def _credentials(request: Request) -> tuple[str, str]:
    headers, url = request.headers, request.query_params
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = b64decode(token).decode().partition(":")
        except ValueError:
            return "", ""
        return user, password
    return url.get("user", ""), url.get("password", "")


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def main() -> None:
    """`python -m deploy.clickhouse_http`: serve a data folder until interrupted."""
    parser = argparse.ArgumentParser(prog="deploy.clickhouse_http", description="ClickHouse's HTTP protocol over chDB")
    parser.add_argument("--path", type=Path, required=True, help="the data folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--database", default="default")
    parser.add_argument("--read-only", action="store_true")
    # the names that our own parts find a ClickHouse by (deploy/settings.py)
    user, password_file = (os.environ.get(f"SPOTIFIRE_CLICKHOUSE_{name}") for name in ("USER", "PASSWORD_FILE"))
    parser.add_argument("--user", default=user or "default", help="whom the password is of; SPOTIFIRE_CLICKHOUSE_USER")
    parser.add_argument(
        "--password-file", type=Path, default=password_file, help="without it, loopback only; ..._PASSWORD_FILE"
    )
    given = parser.parse_args()
    try:
        password = read_secret(Path(given.password_file)) if given.password_file else ""
        user = given.user if password else ""
        served = Served(given.path, given.database, user=user, password=password, read_only=given.read_only)
        server = ChdbHttpServer(served, host=given.host, port=given.port)
        url = server.start()
    except UserError as error:
        parser.exit(error.exit_code, f"{error.one_line()}\n")
    log.info("serving ClickHouse's HTTP protocol", url=url, read_only=given.read_only)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
