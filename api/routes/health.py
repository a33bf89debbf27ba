"""Alive, ready, measured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.scope import ServicesOf
from streams.contracts.errors import SpotifireError

router = APIRouter(tags=["health"])

PATIENCE = 3.0  # seconds that a part has to answer


async def answers(check: Callable[[], Awaitable[bool]]) -> bool:
    """Whether a part answers in time."""
    try:
        return await asyncio.wait_for(check(), PATIENCE)
    except (SpotifireError, OSError, TimeoutError):
        return False


@router.get("/healthz", summary="Is the process alive?", openapi_extra={"security": []})
async def alive() -> dict[str, str]:
    """Says nothing about the parts: a supervisor restarts the process when this fails."""
    return {"status": "alive"}


@router.get("/readyz", summary="Can every part be reached?", openapi_extra={"security": []})
async def ready(services: ServicesOf) -> JSONResponse:
    """200, or 503 with the parts that do not answer. Public, so it says no more than that."""
    states = await asyncio.gather(*(answers(check) for check in services.ready.values()))
    parts = {part: "up" if up else "down" for part, up in zip(services.ready, states, strict=True)}
    status = "ready" if all(states) else "not ready"
    return JSONResponse({"status": status, "parts": parts}, 200 if all(states) else 503)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(request: Request, services: ServicesOf) -> Response:
    """The worker's and the API's. For the owner: Prometheus needs a bearer token."""
    own = request.app.state.metrics
    own.watchers.set(services.live.watching if services.live else 0)
    return Response(own.text(services.registry), media_type=CONTENT_TYPE_LATEST)
