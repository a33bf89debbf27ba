"""A part that runs alone ends when it is told to, whatever it does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from deploy.commands.run import until_stopped


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As they were."""
    before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}
    yield
    for which, handler in before.items():
        signal.signal(which, handler)


async def test_a_part_that_still_starts_is_broken_off() -> None:
    undone = asyncio.Event()

    async def joining(_: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(60)
        finally:
            undone.set()

    await asyncio.wait_for(until_stopped(joining, ending_s=0.1), 5)
    assert undone.is_set()


async def test_a_part_that_runs_stores_what_it_has_in_hand() -> None:
    stored = asyncio.Event()

    async def working(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        await asyncio.sleep(0.05)
        stored.set()

    await until_stopped(working)
    assert stored.is_set()


async def test_what_ended_it_is_raised() -> None:
    async def failing(_: asyncio.Event) -> None:
        raise ValueError("the disk is full")

    with pytest.raises(ValueError, match="disk"):
        await until_stopped(failing)
