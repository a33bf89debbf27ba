"""Signing in with the owner's password, and out again."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from api.passwords import verify_password
from api.problems import Problem
from api.scope import ServicesOf, shared
from api.sessions import COOKIE
from api.web.templating import render

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

_two_at_a_time = asyncio.Semaphore(2)  # a try costs 32 MiB


def local_path(target: str) -> str:
    """Where to go after signing in: a path of ours, never another site."""
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if plain and target.isprintable() else "/"


@router.get("/login")
def login_page(request: Request, services: ServicesOf, next: str = "/") -> Response:
    """The form."""
    if request.state.caller is not None:
        return RedirectResponse(local_path(next), 303)
    has_password = bool(services.settings.password_hash)
    return render(request, "login.html", {"next": local_path(next), "failed": "", "has_password": has_password})


@router.post("/login")
async def log_in(
    request: Request,
    services: ServicesOf,
    password: Annotated[str, Form(max_length=1024)],
    next: Annotated[str, Form(max_length=2048)] = "/",
) -> Response:
    """A session cookie for the right password. Raises Problem 429 after too many wrong ones."""
    settings = services.settings
    address = request.client.host if request.client else ""
    wait = request.app.state.brake.wait(address)
    if wait > 0:
        seconds = math.ceil(wait)
        raise Problem(
            429,
            "Too many wrong passwords.",
            cure=f"Try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
        )
    # noted before the check, so that tries side by side do not slip past the brake
    request.app.state.brake.failed(address)
    async with _two_at_a_time:
        right = await run_in_threadpool(verify_password, password, settings.password_hash)
    if not right:
        log.warning("wrong password")
        context = {"next": local_path(next), "failed": "That is not the password.", "has_password": True}
        return render(request, "login.html", context, status=401)
    request.app.state.brake.succeeded(address)
    answer = RedirectResponse(local_path(next), 303)
    answer.set_cookie(
        COOKIE,
        request.app.state.sessions.issue(),
        max_age=settings.session_seconds,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https" or settings.public_url.startswith("https:"),
    )
    return answer


@router.post("/logout")
@shared
async def log_out() -> Response:
    """Ends this browser's session."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer
