"""One listener's task: when it is started anew."""

from __future__ import annotations

import asyncio

import msgspec

from producers.spotify.errors import ReconnectNeeded
from producers.spotify.library import LibraryPoller
from producers.spotify.listening import Listening
from producers.spotify.pacing import Pace
from producers.spotify.playback import NowPlayingPoller
from producers.spotify.plays import Polled, RecentlyPlayedPoller
from streams.contracts.ports import Connection

from .conftest import Bench, StraightIn


class Dying(RecentlyPlayedPoller):
    """Is told only in the end that its token is dead."""

    told: asyncio.Event
    polls = 0

    async def poll_once(self) -> Polled:
        self.polls += 1
        await self.told.wait()
        raise ReconnectNeeded("The token is dead.")


async def test_a_grant_that_comes_while_the_old_ones_task_ends_is_polled_with(
    bench: Bench, straight_in: StraightIn
) -> None:
    plays = Dying(7, bench.client, bench.collected, straight_in, bench.clock)
    plays.told = asyncio.Event()
    playback = NowPlayingPoller(7, bench.client, straight_in, bench.clock)
    library = LibraryPoller(7, Pace(), bench.client, bench.library, straight_in, bench.clock)
    one = Listening(7, Pace(), bench.client, plays, playback, library, bench.clock)
    old = Connection(listener=7, client_id="app", client_secret="", refresh_token="old", granted_at=1)
    one.follow(old)
    await asyncio.sleep(0)
    one.follow(msgspec.structs.replace(old, refresh_token="new", granted_at=2))  # the old one's answer is under way
    plays.told.set()
    while one.health().state != "reconnect":  # noqa: ASYNC110 (what is waited for has no event)
        await asyncio.sleep(0)
    for _ in range(2):  # the table is looked at again and again
        one.follow(msgspec.structs.replace(old, refresh_token="new", granted_at=2))
        await asyncio.sleep(0.01)
    assert plays.polls == 2  # once for each grant
    task = one.stop()
    assert task is not None and task.done()
