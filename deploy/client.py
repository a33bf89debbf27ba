"""How the command speaks to Spotifire: always through its HTTP API.

Where a stack runs on the data folder, over loopback with its token file; else the same API is
built in this process over the embedded engine and called without a port. So a command does the
same work by the same code either way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import httpx
from anyio import Event, to_thread
from anyio.from_thread import start_blocking_portal

from deploy import folder
from deploy.settings import Settings
from streams.contracts.errors import NothingYet, SpotifireError, Unavailable, UserError

TIMEOUT = httpx.Timeout(60.0, read=300.0)
LONG = httpx.Timeout(60.0, read=None)  # where the answer comes when the work is done


# (method, path, **options of httpx.Client.request) -> the answer; blocks
Transport = Callable[..., httpx.Response]

# (method, path, params, where each piece goes) -> the answer, its body only where it is a problem; blocks
Fetch = Callable[[str, str, Mapping[str, Any], Callable[[bytes], object]], httpx.Response]


class Api:
    """The API under /api/v1, with its problems raised as our errors."""

    def __init__(self, send: Transport, url: str, fetch: Fetch) -> None:
        self._send = send
        self._fetch = fetch
        self.url = url  # "" where no port is open

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The decoded JSON answer. Raises UserError, NothingYet, Unavailable or SpotifireError."""
        params = {name: value for name, value in (options.pop("params", None) or {}).items() if value is not None}
        try:
            response = self._send(method, f"/api/v1{path}", params=params, **options)
        except httpx.TransportError as error:
            raise Unavailable(
                f"Spotifire does not answer ({type(error).__name__}).",
                cure="Is it still running? See `spotifire doctor`.",
            ) from error
        if response.is_success:
            return response.json() if response.content else None
        raise problem(response)

    def save(self, method: str, path: str, sink: Callable[[bytes], object], **params: Any) -> None:
        """An answer of any size, piece by piece. Raises as `call`, also when it ends too early."""
        given = {name: value for name, value in params.items() if value is not None}
        try:
            response = self._fetch(method, f"/api/v1{path}", given, sink)
        except httpx.TransportError as error:
            raise Unavailable(
                f"The answer was cut off ({type(error).__name__}).", cure="Try again; its log may say why."
            ) from error
        if not response.is_success:
            raise problem(response)

    def get(self, path: str, **params: Any) -> Any:
        """GET with query parameters; None ones are left out."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] | None = None, **params: Any) -> Any:
        """POST of a JSON body."""
        return self.call("POST", path, json=dict(body or {}), params=params)


def problem(response: httpx.Response) -> SpotifireError:
    """A problem detail (RFC 9457) as the error that the API raised."""
    try:
        said: dict[str, Any] = dict(response.json())
    except (ValueError, TypeError):
        said = {}
    message = str(said.get("detail") or said.get("title") or f"HTTP {response.status_code}")
    cure = str(said.get("cure") or "")
    if said.get("retriable"):
        return Unavailable(message, cure=cure)
    by_exit_code = {2: UserError, 3: NothingYet}
    return by_exit_code.get(int(said.get("exit_code", 1)), SpotifireError)(message, cure=cure)


@contextmanager
def remote(running: folder.Running) -> Iterator[Api]:
    """The API of a stack that runs."""
    headers = {"Authorization": f"Bearer {running.token}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=TIMEOUT, trust_env=False) as client:

        def fetch(method: str, path: str, params: Mapping[str, Any], sink: Callable[[bytes], object]) -> httpx.Response:
            with client.stream(method, path, params=params, timeout=LONG) as response:
                if not response.is_success:
                    response.read()
                    return response
                for piece in response.iter_bytes(1 << 20):
                    sink(piece)
                return response

        yield Api(client.request, running.url, fetch)


@contextmanager
def in_process(settings: Settings, *, writes: bool) -> Iterator[Api]:
    """The API over parts that this process opens, for as long as the command lasts.

    `writes` also starts a broker and a worker, which whatever changes plays needs.
    """
    from deploy.stack import open_stack

    token = folder.new_token()
    with start_blocking_portal() as portal:
        stack = portal.wrap_async_context_manager(open_stack(settings, token=token, writes=writes))
        with stack as parts, portal.wrap_async_context_manager(_asgi_client(parts.app, token)) as client:

            def send(method: str, path: str, **options: Any) -> httpx.Response:
                return portal.call(partial(client.request, method, path, **options))

            def fetch(
                method: str, path: str, params: Mapping[str, Any], sink: Callable[[bytes], object]
            ) -> httpx.Response:
                request = client.build_request(method, path, params=params)
                answer: httpx.Response = portal.call(_fetched, parts.app, token, request, sink)
                return answer

            yield Api(send, "", fetch)


async def _fetched(app: Any, token: str, request: httpx.Request, sink: Callable[[bytes], object]) -> httpx.Response:
    """Call the app and hand its body on as it comes: httpx's own transport would hold all of it."""
    status, kept = 500, b""
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal status, kept
        if message["type"] == "http.response.start":
            status = message["status"]
        elif 200 <= status < 300:
            await to_thread.run_sync(sink, message.get("body", b""))
        else:
            kept += message.get("body", b"")

    headers = {**dict(request.headers), "authorization": f"Bearer {token}"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method, "scheme": "http",
        "path": request.url.path, "raw_path": request.url.raw_path.split(b"?")[0], "query_string": request.url.query,
        "root_path": "", "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", None), "client": ("127.0.0.1", 0),
    }  # fmt: skip
    await app(scope, receive, send)
    return httpx.Response(status, content=kept)


@asynccontextmanager
async def _asgi_client(app: Any, token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {token}"},
        timeout=TIMEOUT,
    ) as client:
        yield client


@contextmanager
def connect(settings: Settings, *, writes: bool = False) -> Iterator[Api]:
    """The API: of the stack that runs on this data folder, else of this process."""
    running = folder.find(settings.data)
    if running:
        with remote(running) as api:
            yield api
    else:
        with folder.hold(settings.data), in_process(settings, writes=writes) as api:
            yield api
