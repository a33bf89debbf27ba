"""ClickHouse's HTTP protocol in front of the embedded engine.

The engine serves one process; this lets others in: several workers in a test, Grafana or any SQL
client on a laptop (`up --serve-clickhouse PORT`). It can run inside a process that already holds
the data folder, or alone: `python -m deploy.clickhouse_http --path DIR --port N`.

Each request gets a connection of its own (0.5 ms), so no setting outlives it. Read-only, it runs
one SELECT at a time under the engine's `readonly`, away from secrets and files (see
sinks/freesql.py); else whoever reaches the port may do anything: it listens on loopback.
"""

from __future__ import annotations

import argparse
import hmac
import re
import socket
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chdb
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.clickhouse_request import Asked, decompressed, understand
from sinks.freesql import SYSTEM, judge
from streams.contracts.errors import UserError

log = structlog.get_logger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
READER = {"max_execution_time": "60", "max_memory_usage": str(2 << 30), "readonly": "1"}  # readonly last
# settings whose value is SQL, or changes how SQL is read: the engine would run what nobody judged
UNJUDGED = re.compile(r"additional_.*|.*custom_key.*|dialect|implicit_.*", re.IGNORECASE)
READER_ROOTS = ("SelectWithUnionQuery", "ShowTables", "DescribeQuery")
READER_SYSTEM = SYSTEM | {"settings", "contributors", "data_type_families", "formats", "parts", "build_options"}

# clickhouse-go's first query. Revision 0 makes it read plain Native, which is what the engine writes.
HELLO = re.compile(r"SELECT\s+displayName\(\),\s*version\(\),\s*revision\(\),\s*timezone\(\)", re.IGNORECASE)
OURS = "spotifire-http"  # log_comment of what runs for a request, so that it can be ended
HELLO_ANSWER = "SELECT 'spotifire' AS `displayName()`, version(), toUInt32(0) AS `revision()`, timezone()"

STREAMED = frozenset({"native", "tabseparated", "tsv", "csv", "rowbinary", "jsoneachrow"})  # no header, no footer
CODE = re.compile(r"Code: (\d+)\.")
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


class EngineError(Exception):
    """An error of the engine, or one that ClickHouse would give: its number is in the text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = CODE.search(text)
        self.code = int(found[1]) if found else 1002


class ChdbHttp:
    """The protocol for one data folder, as an ASGI application."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._folder = str(served.path.resolve())  # the engine compares folders literally
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
            first, rest, headers = await run_in_threadpool(self._run, asked)
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

    def _run(self, asked: Asked) -> tuple[bytes, Iterator[bytes], dict[str, str]]:
        """First bytes, the rest, headers. Errors before the first byte become an HTTP status."""
        connection: Any = _connect(self._folder)
        try:
            self._prepare(connection, asked)
            self._examine(connection, asked)
            if self._served.read_only:
                _set(connection, READER)
            if asked.rows is not None:
                return b"", iter(()), _inserted(connection, asked)
            statement = HELLO.sub(HELLO_ANSWER, asked.statement, count=1)
            params = dict(asked.params)
            if asked.format.lower() in STREAMED and re.match(r"[\s(]*(SELECT|WITH)\b", statement, re.IGNORECASE):
                stream = connection.send_query(statement, asked.format, params=params)
                chunks = (chunk.bytes() for chunk in stream)
                first = next(chunks, b"")
                open_connection, connection = connection, None  # the stream closes it
                return first, _to_the_end(chunks, open_connection), {}
            answer = connection.query(statement, asked.format, params=params).bytes()
        except (RuntimeError, chdb.ChdbError) as error:
            raise EngineError(_message(error)) from error
        else:
            return answer, iter(()), {}
        finally:
            if connection is not None:
                connection.close()

    def _prepare(self, connection: Any, asked: Asked) -> None:
        connection.query(f"USE {_quoted(asked.database or self._served.database)}")
        fixed = READER if self._served.read_only else {}
        own = {name: value for name, value in asked.settings.items() if name not in fixed}
        if self._served.read_only and (refused := next(filter(UNJUDGED.fullmatch, own), "")):
            raise UserError(f"The setting {refused} cannot be given here.", cure="Leave it out.")
        own["log_comment"] = OURS
        _set(connection, dict(sorted(own.items(), key=lambda setting: setting[0] == "readonly")))  # it locks the rest

    def _examine(self, connection: Any, asked: Asked) -> None:
        """Refuse several statements, files, and what a reader may not see."""
        suspect = ";" in asked.statement.rstrip("; \n") or re.search("OUTFILE|INFILE", asked.statement, re.IGNORECASE)
        if not suspect and not self._served.read_only:
            return
        formatted = connection.query(
            "SELECT formatQuery({q:String})", "TSVRaw", params={"q": _escaped(asked.statement)}
        ).bytes()
        plain = formatted.decode().rstrip("\n")
        if re.search(r"\bINTO OUTFILE\b|\bFROM INFILE\b", plain):
            raise UserError("INTO OUTFILE and FROM INFILE are not for HTTP.", cure="Leave them out.")
        if not self._served.read_only or HELLO.match(plain):
            return
        tree = connection.query(f"EXPLAIN AST {plain}", "TSVRaw", params=dict(asked.params)).bytes().decode()
        databases = connection.query("SELECT name FROM system.databases", "TSVRaw").bytes().decode().split("\n")
        own = {self._served.database} if asked.database in {"", self._served.database} else set()
        judge(tree.splitlines(), set(databases) - own, roots=READER_ROOTS, formats=True, system=READER_SYSTEM)


class ChdbHttpServer:
    """The protocol on a port of its own, in a thread of its own."""

    def __init__(self, served: Served, *, host: str = "127.0.0.1", port: int = 0) -> None:
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
            self._keeper = _connect(self._folder)  # the engine stays open between requests
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


async def _read(request: Request) -> Asked:
    """The request's parts, uncompressed."""
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


def _inserted(connection: Any, asked: Asked) -> dict[str, str]:
    with connection.send_insert(asked.statement, asked.rows_format) as insert:
        insert.append(asked.rows)
        done = insert.finish()
    return {"X-ClickHouse-Summary": f'{{"written_rows":"{done.rows_written}","written_bytes":"{done.bytes_written}"}}'}


def _to_the_end(chunks: Iterator[bytes], connection: Any) -> Iterator[bytes]:
    """An error in mid-answer breaks the transfer off, so that the client knows."""
    try:
        yield from chunks
    finally:
        connection.close()


def _connect(folder: str) -> Any:
    return chdb.connect(folder)  # type: ignore[no-untyped-call]


def _set(connection: Any, settings: dict[str, str]) -> None:
    for name in settings:
        if not name.isidentifier():
            raise EngineError(f"Code: 115. DB::Exception: Unknown setting {name[:80]!r}. (UNKNOWN_SETTING)")
    if settings:
        connection.query("SET " + ", ".join(f"{name} = '{_escaped(value)}'" for name, value in settings.items()))


def _escaped(text: str) -> str:
    """As a parameter's value or inside quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t").replace("\n", "\\n").replace("\0", "\\0")


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _message(error: BaseException) -> str:
    text = str(error)
    return text[max(text.find("Code: "), 0) :].strip()


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
    given = parser.parse_args()
    served = Served(given.path, given.database, read_only=given.read_only)
    server = ChdbHttpServer(served, host=given.host, port=given.port)
    url = server.start()
    log.info("serving ClickHouse's HTTP protocol", url=url, read_only=given.read_only)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
