"""Plays as they arrive: server-sent events of one listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from api.lasting import Event, while_let_in
from api.live import Message, Watcher
from api.scope import CallerOf, Listener, ServicesOf
from api.services import Services, needed
from api.web.words import stat_words
from streams.contracts.events import PlaybackChanged

router = APIRouter(prefix="/api/v1/listeners/{listener}", tags=["live"])

HEARTBEAT = 15  # seconds: proxies close a connection that is silent for longer
PAUSE = 1.0  # seconds after `missed`
STATS = 2.0  # seconds between two looks at the worker's figures
EXAMPLE = (
    'event: play\nid: 6720fd5a9c1b22d0\ndata: {"play_id":"6720fd5a9c1b22d0","title":"Clair de lune",'
    '"artist":"Claude Debussy","ended_at":1730215258000,"utc_offset_minutes":60,"local_hour":16}\n\n'
)


@router.get(
    "/now/stream",
    summary="Plays as they arrive (server-sent events)",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"example": EXAMPLE}}}},
)
async def stream(request: Request, listener: Listener, services: ServicesOf, caller: CallerOf) -> Response:
    """Events: `hello` once, `play` (a play, or its removal), `playback` (what plays at this moment),
    `stats` (the worker's figures, for the owner), and `missed` when the reader was too slow: read
    `/recent` again. A comment comes every 15 seconds. It ends when the caller's token is revoked."""
    needed(services.live, "The live stream")
    events = while_let_in(request, caller, _events(services, listener.id, caller.is_owner))
    return EventSourceResponse(events, ping=HEARTBEAT, headers={"X-Accel-Buffering": "no"})


async def _events(services: Services, listener: int, with_stats: bool) -> AsyncGenerator[Event, None]:
    live = needed(services.live, "The live stream")
    with live.watch(listener) as watcher:
        yield _event("hello", {"live": live.connected})
        stats: dict[str, Any] = {}
        while True:
            message = await _next(watcher)
            if message is not None:
                yield _as_event(message)
                if message.event is None:  # an import goes by: the reader looks at the whole again, in peace
                    await asyncio.sleep(PAUSE)
            elif with_stats and services.stats is not None:
                fresh = stat_words(services.stats())
                if fresh != stats:
                    stats = fresh
                    yield _event("stats", stats)


async def _next(watcher: Watcher) -> Message | None:
    with suppress(TimeoutError):
        return await asyncio.wait_for(watcher.get(), STATS)
    return None


def _as_event(message: Message) -> Event:
    if message.event is None:
        return _event(message.kind, {})
    shown = msgspec.to_builtins(message.event)
    if isinstance(message.event, PlaybackChanged):
        shown["artist_names"] = [artist.name for artist in message.event.artists]
        return _event(message.kind, shown)
    return {**_event(message.kind, shown), "id": message.event.play_id}


def _event(kind: str, data: dict[str, Any]) -> Event:
    return {"event": kind, "data": msgspec.json.encode(data).decode()}
