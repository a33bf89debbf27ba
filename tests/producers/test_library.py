from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from producers.library import SHELVES, Seen, synchronise
from sinks.clickhouse import ClickHouse
from sinks.library import ClickHouseLibrary
from sinks.listeners import Listeners
from streams.contracts.ports import LibraryChanges, LibraryEntry
from streams.contracts.topics import Topic

NOW = 1_790_000_000_000


class Slow(ClickHouseLibrary):
    """Writes when it is told to."""

    begun, go = threading.Event(), threading.Event()

    def synchronise(self, *given: object, **named: object) -> LibraryChanges:
        self.begun.set()
        assert self.go.wait(20)
        return super().synchronise(*given, **named)  # type: ignore[arg-type]


class Nowhere:
    published = 0

    async def publish_many(self, topic: Topic, keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> None:
        self.published += len(values)

    async def flush(self) -> None: ...


async def test_who_is_cancelled_does_not_leave_a_write_behind(clickhouse: ClickHouse) -> None:
    listener = Listeners(clickhouse).add("Ada", "Europe/Berlin").id
    library, nowhere = Slow(clickhouse), Nowhere()
    seen = Seen(listed=[LibraryEntry(item="x")], whole=True, looked_at=NOW, whole_at=NOW, total=1)
    task = asyncio.create_task(synchronise(library, nowhere, listener, SHELVES[0], seen))
    await asyncio.to_thread(library.begun.wait, 20)
    task.cancel()
    await asyncio.sleep(0.1)
    assert not task.done()
    library.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert library.standing(listener, SHELVES[0]) == {"x": None}
    assert (nowhere.published, library.looks(listener)) == (0, {})
    # what was stored and not published is published with the next look
    assert await synchronise(library, nowhere, listener, SHELVES[0], seen) == 1
    assert nowhere.published == 1
    assert library.looks(listener).keys() == {SHELVES[0]}
