"""The three backlogs, made of a seed: what each record is, and how many of what must be stored in the end.

| backlog | records |
|---|---|
| import | one listener's plays of eleven years as an import publishes them: one partition, in time order |
| live | 500 listeners' newest plays as polls publish them: all partitions, in time order |
| worst | a second source (polls) for every play of `import`, in random order: eleven years in every slice |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.contracts import codec
from streams.contracts.events import DAY, PlayRecorded
from streams.contracts.ids import hash64, to_hex
from streams.contracts.record import IMPORT, ORIGIN
from tests.bench.stream.world import LISTENERS, SEED, Track, listeners, tracks

SPAN = 11 * 365 * DAY  # of an import: as many year partitions as a long history has
ROWS_A_FILE = 15_000

Message = tuple[bytes, bytes, list[tuple[str, bytes]]]  # key, value, headers
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Backlog:
    """`after` is the backlog that must be stored before this one."""

    name: str
    meaning: str
    records: Callable[[int, int], Iterator[Message]]  # (how many, now in Unix ms)
    after: str = ""


def now_ms() -> int:
    """Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


def _import(count: int, now: int) -> Iterator[Message]:
    listener, import_id = listeners(1)[0], hash64("bench import")
    key, who, which = to_hex(listener).encode(), to_hex(listener), to_hex(import_id)
    ends, played = _history(count, now)
    common = [*codec.headers(), (IMPORT, which.encode())]
    for number, (end, ms, track) in enumerate(zip(ends.tolist(), played.tolist(), _choice(count), strict=True)):
        event = PlayRecorded(
            listener=who,
            source="spotify.export.extended",
            reported_end=end,
            published_at=now,
            started_at=end - ms,
            ms_played=ms,
            uri=track.uri,
            title=track.title,
            artists=track.named,
            album=track.album,
            country="PT",
            platform="android",
            reason_start="trackdone",
            reason_end="trackdone" if number % 4 else "fwdbtn",
            shuffle=bool(number % 3),
            skipped=not number % 4,
            offline=False,
            incognito=False,
            import_id=which,
        )
        origin = f"Streaming_History_Audio_{number // ROWS_A_FILE}.json#{number % ROWS_A_FILE + 1}"
        yield key, codec.encode(event), [*common, (ORIGIN, origin.encode())]


def _live(count: int, now: int) -> Iterator[Message]:
    rng = np.random.default_rng(SEED)
    each = -(-count // LISTENERS)
    gaps = rng.integers(130_000, 600_000, (LISTENERS, each))
    ends = (now - np.cumsum(gaps, axis=1)).ravel()
    newest = np.sort(np.argsort(ends)[-count:])
    order = newest[np.argsort(ends[newest], kind="stable")]
    names = [to_hex(listener) for listener in listeners()]
    for place, end, track in zip((order // each).tolist(), ends[order].tolist(), _choice(count), strict=True):
        yield _polled(names[place], end, track, now)


def _worst(count: int, now: int) -> Iterator[Message]:
    who = to_hex(listeners(1)[0])
    ends, _ = _history(count, now)
    rng = np.random.default_rng(SEED + 1)
    heard = ends + rng.integers(-2_000, 2_000, count)  # an export says seconds, a poll milliseconds
    played = _choice(count)
    for number in rng.permutation(count).tolist():
        yield _polled(who, int(heard[number]), played[number], now)


def _polled(who: str, end: int, track: Track, now: int) -> Message:
    event = PlayRecorded(
        listener=who,
        source="spotify.recently-played",
        reported_end=end,
        published_at=now,
        duration_ms=track.duration_ms,
        uri=track.uri,
        title=track.title,
        artists=track.identified,
        album=track.album,
        album_uri=track.album_uri,
        image_url=track.image_url,
        isrc=track.isrc,
        release_date=track.release_date,
        explicit=False,
    )
    return who.encode(), codec.encode(event), _HEADERS


def play_now(who: str, number: int) -> PlayRecorded:
    """A play that ends at this moment, for what is measured at a steady rate."""
    track, now = tracks()[number % len(tracks())], now_ms()
    return PlayRecorded(
        listener=who,
        source="spotify.recently-played",
        reported_end=now - number % 1000,
        published_at=now,
        duration_ms=track.duration_ms,
        uri=track.uri,
        title=track.title,
        artists=track.identified,
        album=track.album,
        album_uri=track.album_uri,
        image_url=track.image_url,
        isrc=track.isrc,
        release_date=track.release_date,
        explicit=False,
    )


def _history(count: int, now: int) -> tuple[Numbers, Numbers]:
    """Ends and milliseconds heard, by time; more than 90 s apart, so that each play stays one."""
    rng = np.random.default_rng(SEED)
    mean = SPAN // count // 1000
    gaps = rng.integers(100, max(2 * mean - 100, 102), count)
    ends = now // 1000 - DAY // 1000 - np.cumsum(gaps)[::-1]
    heard = np.minimum(gaps[::-1] * 1000 - 5_000, rng.integers(20_000, 420_000, count))
    return ends * 1000, heard


def _choice(count: int) -> list[Track]:
    """Which track is played, play by play: a few artists often, most seldom."""
    rng = np.random.default_rng(SEED + 2)
    catalogue = tracks()
    return [catalogue[place] for place in (len(catalogue) * rng.random(count) ** 2.5).astype(np.int64).tolist()]


_HEADERS = codec.headers()

BACKLOGS = {
    each.name: each
    for each in (
        Backlog("import", "one listener's eleven years, in time order", _import),
        Backlog("live", "500 listeners, in time order", _live),
        Backlog("worst", "a second source of known plays, in random order", _worst, after="import"),
    )
}
