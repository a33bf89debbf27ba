"""The door: nothing behind it runs for a wrong host, a foreign page, a stranger or a flood.

A plain ASGI middleware around the whole app, so that a route cannot be forgotten: whatever is
not in PUBLIC needs a caller. It also puts the security headers on every answer.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import FORWARDED, Authenticator, Caller
from api.problems import from_error, response, unforeseen
from api.services import ApiSettings
from streams.contracts.errors import SpotifireError

log = structlog.get_logger(__name__)

PUBLIC = frozenset({"/healthz", "/readyz", "/login", "/favicon.ico"})
STATIC = "/static/"
PROBES = frozenset({"/healthz", "/readyz"})  # asked by address, so any Host will do
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COVERS = "https://i.scdn.co"  # where Spotify serves cover art from

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src 'self' data: {COVERS}",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: browsers would then send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def host_name(host: str) -> str:
    """The name in a Host header without its port, in lower case; "" where it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class Guard:
    """Checks Host, Fetch metadata and Origin, caller and size, in this order."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, authenticator: Authenticator) -> None:
        self._app, self._settings, self._authenticator = app, settings, authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let lifespan through, refuse web sockets, guard requests."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope)
        out = _with_headers(send, scope["path"])
        refusal = self._wrong_host(request)
        if refusal is None:
            try:
                caller = await self._authenticator.caller(request)
            except SpotifireError as error:  # tokens are looked up in the database
                await from_error(error)(scope, receive, out)
                return
            scope.setdefault("state", {})["caller"] = caller
            refusal = self._foreign(request, caller) or self._stranger(request, caller)
        if refusal is not None:
            await refusal(scope, receive, out)
            return
        # the upload route counts for itself, as it writes to disk
        limit = self._settings.max_upload if _is_upload(request) else self._settings.max_body
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > limit:
            await too_large(limit)(scope, receive, out)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await out(message)

        try:
            await self._app(scope, _counted(receive, limit), watched)
        except Exception:
            if started:  # the server cuts the connection, which is all that can be told now
                raise
            log.exception("an error that nobody foresaw", path=request.url.path)
            await unforeseen()(scope, receive, out)

    def _wrong_host(self, request: Request) -> Response | None:
        """A page elsewhere may point a name of its own at 127.0.0.1 (DNS rebinding)."""
        hosts = self._settings.hosts
        if hosts is None or request.scope["path"] in PROBES:
            return None
        if host_name(request.headers.get("host", "")) in hosts:
            return None
        return response(
            421,
            "This server does not answer to that host name.",
            cure="Use its own address, or start it with the one that people use: --public-url.",
            exit_code=2,
        )

    def _foreign(self, request: Request, caller: Caller | None) -> Response | None:
        """What another site's page asks for in a browser's name. A bearer token is never sent so."""
        if caller is not None and caller.way == "token":
            return None
        headers = request.headers
        site = headers.get("sec-fetch-site", "none")
        # following a link to us is fine, and Spotify sends the browser back to /callback this way
        visits = (
            request.method == "GET"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
        foreign = site not in {"none", "same-origin"} and not visits
        if request.method not in SAFE and "origin" in headers:
            foreign = foreign or not self._is_ours(headers)
        if not foreign:
            return None
        return response(403, "Another site's page asked for this.", cure="Open our own page.", exit_code=2)

    def _is_ours(self, headers: Headers) -> bool:
        origin = headers["origin"].lower()
        if self._settings.public_url and origin == _origin(self._settings.public_url):
            return True
        try:
            return urlsplit(origin).netloc == headers.get("host", "").lower() != ""
        except ValueError:
            return False

    def _stranger(self, request: Request, caller: Caller | None) -> Response | None:
        path = request.scope["path"]  # as the router goes by it; an address is put together with the Host header
        if caller is not None or path in PUBLIC or path.startswith(STATIC):
            return None
        if self._settings.open_to_owner and any(name in request.headers for name in FORWARDED):
            return response(
                403,
                "A proxy stands in front, and this server still trusts every local request.",
                cure="Start it with --public-url and set the owner's password.",
                exit_code=2,
            )
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/login?next={quote(path + query, safe='')}", 303)
        return response(
            401,
            "Nobody is signed in.",
            cure="Send `Authorization: Bearer TOKEN`, or sign in at /login.",
            exit_code=2,
            headers={"WWW-Authenticate": "Bearer"},
        )


def too_large(limit: int) -> Response:
    """413, with the limit in bytes."""
    return response(413, f"The request is larger than {limit:,} bytes.", exit_code=2, limit=limit)


def _origin(url: str) -> str:
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"


def _is_upload(request: Request) -> bool:
    return request.method == "POST" and request.scope["path"].endswith(("/imports", "/catalog"))


def _counted(receive: Receive, limit: int) -> Receive:
    """A body without Content-Length is counted as it comes."""
    total = 0

    async def count() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise HTTPException(413, f"The request is larger than {limit:,} bytes.")
        return message

    return count


def _with_headers(send: Send, path: str) -> Send:
    async def out(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            # what is personal is kept by no cache; our own files are asked for again, cheaply (ETag)
            headers.setdefault("Cache-Control", "no-cache" if path.startswith(STATIC) else "no-store")
        await send(message)

    return out
