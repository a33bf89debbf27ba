"""The loop of the jobs that run by themselves."""

from __future__ import annotations

import asyncio

import pytest

from deploy.schedule import Job, keep
from streams.contracts.errors import StoreUnavailable


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ValueError("a fault of ours")])
async def test_a_job_that_fails_comes_again_and_stops_no_other(error: Exception) -> None:
    runs = {"bad": 0, "good": 0}
    enough = asyncio.Event()

    async def bad() -> None:
        runs["bad"] += 1
        raise error

    async def good() -> None:
        runs["good"] += 1
        if min(runs.values()) > 1:
            enough.set()

    keeping = asyncio.create_task(keep([Job("bad", every=0.01, run=bad), Job("good", every=0.01, run=good)]))
    async with asyncio.timeout(10):
        await enough.wait()
    assert not keeping.done()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
