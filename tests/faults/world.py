"""What is published, from a seed, and what must be stored of it: worked out from the events alone.

Listeners play one track after the other. A play is seen by one source or by two, whose ends differ
by seconds and whose records may lie thousands apart; one record in ten comes twice. The ends of one
track are always far apart, so which records show one play needs no rule: the world knows.
"""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streams.contracts import ids, sources
from streams.contracts.record import CONTENT_TYPE, SCHEMA_VERSION

HEADERS = [(CONTENT_TYPE, b"application/json"), (SCHEMA_VERSION, b"1")]
BEGIN_MS = 1_704_067_200_000  # 2024-01-01
COUNTED_MS = 30_000  # the default of what counts

_TRACKS = 60
_LATER = 3_000  # records that may lie between the two sources of a play
_TWICE = 0.1
_IMPORT = "00000000000000aa"

Key = tuple[int, int]  # listener, id


@dataclass
class Play:
    """A play of the world: its sightings are those that were published so far."""

    listener: int
    artist: str
    title: str
    duration_ms: int | None = None  # stands in where no source knows how long it was heard
    seen: dict[int, tuple[int, int, int, int | None]] = field(default_factory=dict)  # id: end ms, rank, id, ms_played
    records: int = 0

    def id(self) -> int:
        """As the contract says: of the earliest by (second, rank, id)."""
        end, *_ = min(self.seen.values(), key=lambda one: (one[0] // 1000, one[1], one[2]))
        return ids.play_id(end, "", self.artist, self.title)

    def ms_played(self) -> int | None:
        """What the best source that knows it says."""
        known = sorted((rank, ms) for _, rank, _, ms in self.seen.values() if ms is not None)
        return known[0][1] if known else None


@dataclass(frozen=True)
class Record:
    """One record to publish: a sighting's JSON."""

    listener: int
    sighting: int
    value: bytes
    play: Play
    end: int
    rank: int
    ms_played: int | None

    @property
    def key(self) -> bytes:
        """Kafka's key."""
        return ids.to_hex(self.listener).encode()


class World:
    """An endless supply of records; `published` notes what went out, and then it is expected."""

    def __init__(self, seed: int | str, listeners: Sequence[int], *, simple: bool = False) -> None:
        """`simple`: every play is seen once, by one source."""
        self._dice = random.Random(f"world {seed}")
        self._simple = simple
        self._at = dict.fromkeys(listeners, BEGIN_MS)
        self._number = dict.fromkeys(listeners, 0)
        self._who = list(listeners)
        self._later: list[tuple[int, int, Record]] = []
        self._made = 0
        self._records = self._endless()
        self.plays: list[Play] = []
        self.sightings: set[Key] = set()

    def take(self, count: int) -> list[Record]:
        """The next records."""
        return [next(self._records) for _ in range(count)]

    def published(self, record: Record) -> None:
        """It went out: from now on it must be stored."""
        self.sightings.add((record.listener, record.sighting))
        play = record.play
        if not play.records:
            self.plays.append(play)
        play.records += 1
        play.seen[record.sighting] = (record.end, record.rank, record.sighting, record.ms_played)

    def totals(self) -> dict[int, tuple[int, int, int]]:
        """By listener: plays, milliseconds heard as far as known, plays that count."""
        found: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        for play in self.plays:
            ms = play.ms_played()
            of = found[play.listener]
            of[0] += 1
            of[1] += ms or play.duration_ms or 0
            of[2] += ms is None or ms >= COUNTED_MS
        return {listener: (of[0], of[1], of[2]) for listener, of in found.items()}

    def _endless(self) -> Iterator[Record]:
        while True:
            while self._later and self._later[0][0] <= self._made:
                yield self._out(heapq.heappop(self._later)[2])
            for record in self._play():
                yield self._out(record)

    def _out(self, record: Record) -> Record:
        self._made += 1
        if not self._simple and self._dice.random() < _TWICE:
            self._put_off(record)
        return record

    def _put_off(self, record: Record) -> None:
        due = self._made + int(self._dice.random() ** 3 * _LATER)
        heapq.heappush(self._later, (due, self._dice.getrandbits(62), record))

    def _play(self) -> Iterator[Record]:
        """The records of one more play; a second source's, or a repeat, is put off."""
        dice = self._dice
        listener = dice.choice(self._who)
        number = self._number[listener] = self._number[listener] + 1
        end = self._at[listener] = self._at[listener] + dice.randint(31_000, 400_000)
        track = number % _TRACKS
        play = Play(listener, f"Artist {track % 17}", f"Track {track}")
        export = self._record(play, track, end - end % 1000, sources.EXTENDED_EXPORT, dice.randint(5_000, 300_000))
        if self._simple:
            yield export
            return
        poll = self._record(play, track, end + dice.randint(-40_000, 40_000), sources.RECENTLY_PLAYED, None)
        seen = [export, poll] if dice.random() < 0.3 else [export if dice.random() < 0.8 else poll]
        dice.shuffle(seen)
        yield seen[0]
        if len(seen) == 2:
            self._put_off(seen[1])

    def _record(self, play: Play, track: int, end: int, source: str, ms_played: int | None) -> Record:
        uri = f"spotify:track:{track:022d}"
        said: dict[str, Any] = {
            "listener": ids.to_hex(play.listener),
            "source": source,
            "reported_end": end,
            "published_at": end + 1_000,
            "uri": uri,
            "title": play.title,
            "artists": [{"name": play.artist}],
        }
        if ms_played is not None:
            said |= {"ms_played": ms_played, "import_id": _IMPORT}
        sighting = ids.sighting_id(play.listener, source, end, uri, play.artist, play.title, ms_played)
        value = msgspec.json.encode(said)
        return Record(play.listener, sighting, value, play, end, sources.RANK[source], ms_played)
