"""Dead letters published again: the bytes as they came, onto the topic that they came from.

The first publishing's time is kept: it stands in the event itself, and in a header for whatever has no
event. Doing it twice adds nothing: a sighting is stored once, and what is refused again is the same
dead letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool

from api.services import Services, needed
from api.shapes import Replayed
from sinks.dead_letters import DeadLetters, Letter, Replay
from streams.contracts import codec, ids
from streams.contracts.errors import Refused
from streams.contracts.events import PlayRecorded
from streams.contracts.record import PUBLISHED, REPLAY, Record
from streams.contracts.topics import LISTENER_COMMAND, PLAY_RECORDED, PLAYBACK_CHANGED

MOST = 1000  # dead letters in one request
PATIENCE = 15.0  # seconds that the worker may take before the answer says `waiting`

READ = {topic.name: topic for topic in (PLAY_RECORDED, PLAYBACK_CHANGED, LISTENER_COMMAND)}


async def replay(services: Services, which: Sequence[int]) -> Replayed:
    """Publish them, wait a while for the worker, and say what became of each."""
    publisher = needed(services.publisher, "The publisher")
    store = needed(services.dead_letters, "The database")
    letters, skipped = await run_in_threadpool(_kept, store, which)
    await run_in_threadpool(store.replayed, [_expected(letter) for letter in letters])
    for letter in letters:
        headers = [
            *letter.headers,
            (REPLAY, letter.row.dead_letter_id.encode()),
            (PUBLISHED, str(letter.published_at).encode()),
        ]
        await publisher.publish_raw(READ[letter.row.topic], letter.key, letter.payload, headers)
    await publisher.flush()
    try:
        async with asyncio.timeout(PATIENCE):
            await publisher.settled()
    except TimeoutError:
        pass
    await run_in_threadpool(store.settle)
    return await run_in_threadpool(_outcome, store, letters, skipped)


def _kept(store: DeadLetters, which: Sequence[int]) -> tuple[list[Letter], dict[str, str]]:
    """Those that can be published again, and why the others cannot. Blocks."""
    letters, skipped = [], {}
    running, known = store.of_running_imports(which), store.whole(which)
    for one in dict.fromkeys(which):
        letter = known.get(one)
        name = ids.to_hex(one)
        if letter is None:
            skipped[name] = "there is no such dead letter"
        elif letter.row.resolved_at is not None:
            skipped[name] = "it was stored already"
        elif letter.row.reason in {"erased", "undone"}:
            skipped[name] = "its bytes are not kept"
        elif letter.row.topic not in READ:
            skipped[name] = "nobody reads its topic"
        elif one in running:
            skipped[name] = "its import still runs"
        else:
            letters.append(letter)
    return letters, skipped


def _expected(letter: Letter) -> Replay:
    """The sighting that the bytes would be, as far as this code can read them."""
    number = ids.from_hex(letter.row.dead_letter_id)
    if letter.row.topic != PLAY_RECORDED.name:
        return Replay(number)
    record = Record(letter.row.topic, 0, 0, letter.published_at, letter.key, letter.payload, letter.headers)
    try:
        event = codec.decode(PlayRecorded, record, now_ms=int(letter.row.refused_at.timestamp() * 1000))
    except Refused:
        return Replay(number)
    listener = ids.from_hex(event.listener)
    sighting = ids.sighting_id(
        listener,
        event.source,
        event.reported_end,
        event.uri,
        event.artists[0].name if event.artists else "",
        event.title,
        event.ms_played,
    )
    return Replay(number, listener, sighting, event.ended_at or event.reported_end)


def _outcome(store: DeadLetters, letters: Sequence[Letter], skipped: dict[str, str]) -> Replayed:
    done = Replayed([], [], [], skipped)
    before = {letter.row.dead_letter_id: letter.row.refused_at for letter in letters}
    wanted = [ids.from_hex(letter.row.dead_letter_id) for letter in letters]
    for row in store.newest(len(wanted), ids=wanted) if wanted else []:
        if row.resolved_at is not None:
            done.stored.append(row.dead_letter_id)
        elif row.refused_at != before[row.dead_letter_id]:
            done.refused.append(row.dead_letter_id)
        else:
            done.waiting.append(row.dead_letter_id)
    return done
