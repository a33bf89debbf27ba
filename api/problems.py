"""Every error as a problem detail (RFC 9457): one shape, one place that chooses the status.

`exit_code` is what the command ends with, `cure` the next step. Status by class: UserError 400,
AlreadyThere 409 (404 and other 409 where a route says so with Problem), NothingYet 404 with the type `nothing-yet`
(a true answer, and it is empty), Unavailable 503 with Retry-After, anything else 500.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streams.contracts.errors import AlreadyThere, NothingYet, Refused, SpotifireError, Unavailable, UserError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5.0  # seconds, where nobody said

TITLES = {
    400: "The request cannot be carried out",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    421: "Wrong host",
    422: "The request is not valid",
    429: "Too many tries",
    500: "An error of ours",
    503: "Not available now",
    507: "No room for it",
}

EXAMPLE = {
    "type": "urn:spotifire:problem:not-found",
    "title": "Not found",
    "status": 404,
    "detail": "There is no listener called 'ada'.",
    "cure": "See `spotifire listeners list`.",
    "exit_code": 2,
    "retriable": False,
}


class Problem(SpotifireError):
    """An error whose status a route chose itself. `kind` is the last word of the type's URN."""

    exit_code = 2

    def __init__(
        self,
        status: int,
        message: str,
        *,
        cure: str = "",
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, cure=cure)
        self.status = status
        self.kind = kind or TITLES.get(status, "error").lower().replace(" ", "-")
        self.headers = dict(headers or {})


def response(
    status: int,
    detail: str,
    *,
    kind: str = "",
    cure: str = "",
    exit_code: int = 1,
    retriable: bool = False,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """A problem detail as a response; `more` are extension members."""
    title = TITLES.get(status, "Error")
    body = {
        "type": f"urn:spotifire:problem:{kind or title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "cure": cure,
        "exit_code": exit_code,
        "retriable": retriable,
        **more,
    }
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def from_error(error: SpotifireError) -> JSONResponse:
    """The problem detail of one of our own errors."""
    about: dict[str, Any] = {"cure": error.cure, "exit_code": error.exit_code, "retriable": error.retriable}
    match error:
        case Problem():
            return response(error.status, error.message, kind=error.kind, headers=error.headers, **about)
        case Unavailable():
            wait = str(math.ceil(error.retry_after or RETRY_AFTER))
            return response(503, error.message, kind="unavailable", headers={"Retry-After": wait}, **about)
        case NothingYet():
            return response(404, error.message, kind="nothing-yet", **about)
        case AlreadyThere():
            return response(409, error.message, kind="conflict", **about)
        case UserError() | Refused():
            return response(400, error.message, kind="bad-request", **about)
        case _:
            return response(500, error.message, kind="internal", **about)


def unforeseen() -> JSONResponse:
    """An exception of ours. Its text may hold anything, and stays in the log."""
    return response(500, "An error that nobody foresaw.", cure="The server's log has the details.", kind="internal")


ErrorPage = Callable[[Request, int, str, str], Response]
"""(request, status, cause, cure) -> a page for whoever asked with a browser."""


def install(app: FastAPI, error_page: ErrorPage) -> None:
    """Every error of the app leaves as a problem detail, or as a page where a person asked for one."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, SpotifireError)  # noqa: S101 - registered for that class alone
        if not isinstance(error, (Problem, UserError, NothingYet)):
            log.warning("request failed", path=request.url.path, error=error.one_line())
        told = from_error(error)
        return error_page(request, told.status_code, error.message, error.cure) if _wants_page(request) else told

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for that class alone
        if _wants_page(request):
            return error_page(request, error.status_code, str(error.detail), "")
        return response(error.status_code, str(error.detail), exit_code=2, headers=error.headers)

    app.add_exception_handler(SpotifireError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, _invalid)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


async def _invalid(request: Request, error: Exception) -> Response:
    """Says which field is wrong and why, but not what was sent: that may be a secret."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for that class alone
    errors = [{"field": ".".join(str(at) for at in e["loc"]), "message": e["msg"]} for e in error.errors()]
    detail = " ".join(wrong(e["loc"], e["msg"]) for e in error.errors())
    return response(422, detail, kind="invalid", exit_code=2, errors=errors)


def wrong(where: Sequence[int | str], what: str) -> str:
    """A validation error (its place, pydantic's message) as a sentence without the place's first word.

    (("body", "name"), "String should have at least 1 character") -> "name should have at least 1 character."
    """
    field = ".".join(str(at) for at in where[1:]) or "the request"  # the first says only how it was sent
    what = what.rstrip(".")
    if what == "Field required":
        return f"{field} is missing."
    if what.startswith("Extra inputs"):
        return f"{field} is not known here."
    kind, should, rest = what.partition(" should ")
    if should and " " not in kind:  # "String should", "Input should"
        return f"{field} should {rest}."
    return f"{field}: {what.removeprefix('Value error, ')}."
