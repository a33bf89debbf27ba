"""Answers without an end: server-sent events, for as long as their caller would be let in again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from fastapi import Request

from api.auth import Authenticator, Caller
from streams.contracts.errors import Unavailable

ASK = 5.0  # seconds between two looks whether the caller may go on

Event = dict[str, str]


async def while_let_in(request: Request, caller: Caller, events: AsyncGenerator[Event, None]) -> AsyncIterator[Event]:
    """The events, until they end or the caller's token is revoked, also while none come."""
    asked = time.monotonic()
    coming: asyncio.Task[Event] | None = None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(events))
            await asyncio.wait({coming}, timeout=ASK)
            if time.monotonic() - asked > ASK:
                if not await _still_in(request, caller):
                    return
                asked = time.monotonic()
            if coming.done():
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                coming = None
                yield event
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        await events.aclose()


async def _next(events: AsyncGenerator[Event, None]) -> Event:
    return await anext(events)


async def _still_in(request: Request, caller: Caller) -> bool:
    """A database that is away says nothing about that."""
    authenticator: Authenticator = request.app.state.authenticator
    try:
        return await authenticator.caller(request) == caller
    except Unavailable:
        return True
