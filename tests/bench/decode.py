"""What it costs to decode a slice, record by record and by column.

    python -m tests.bench.decode [--rows 20000]

Figures are microseconds a record, the best of several runs. "caller" is the processor time of the
calling thread: all that may hold the interpreter's lock, and in slices of less than a block the
parse too, which does not.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence

import pyarrow as pa

from streams.columns import sighting_table
from streams.contracts import codec
from streams.contracts.events import Artist, PlayRecorded
from streams.contracts.record import Record
from streams.contracts.topics import PLAY_RECORDED
from streams.decoding import decode_plays

NOW = 1_760_000_000_000

Decode = Callable[[Sequence[Record]], object]


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(prog="python -m tests.bench.decode")
    asked.add_argument("--rows", type=int, default=20_000)
    rows = asked.parse_args().rows
    chance = random.Random(7)
    print(f"{'slice':12}{'rows':>7}{'one by one':>12}{'by column':>12}{'1 thread':>10}{'caller':>8}")  # noqa: T201
    for name, play in (("import", exported), ("live", polled)):
        records = [record(play(chance, number), number) for number in range(rows)]
        for many in sorted({1000, 5000, rows}):
            part = records[:many]
            pa.set_cpu_count(1)
            alone = best(by_column, part)
            pa.set_cpu_count(2)
            figures = best(one_by_one, part), best(by_column, part), alone, best(by_column, part, time.thread_time)
            told = "".join(f"{figure:{width}.2f}" for figure, width in zip(figures, (12, 12, 10, 8), strict=True))
            print(f"{name:12}{many:7}{told}")  # noqa: T201


def one_by_one(records: Sequence[Record]) -> object:
    """The codec's way, as every record that is odd goes."""
    return sighting_table([codec.decode(PlayRecorded, one, now_ms=NOW) for one in records], 1)


def by_column(records: Sequence[Record]) -> object:
    """The worker's way."""
    return decode_plays(records, now_ms=NOW, version=1)


def best(decode: Decode, records: Sequence[Record], clock: Callable[[], float] = time.perf_counter) -> float:
    """Microseconds a record."""
    took = []
    for _ in range(max(5, 100_000 // len(records))):
        began = clock()
        decode(records)
        took.append(clock() - began)
    return min(took) / len(records) * 1e6


def exported(chance: random.Random, number: int) -> PlayRecorded:
    """A row of an export: one listener, an import's id, no ids of artists."""
    track = chance.randrange(5000)
    return PlayRecorded(
        listener="00c0ffee00000001",
        source="spotify.export.extended",
        reported_end=1_600_000_000_000 + number * 200_000,
        published_at=NOW - number,
        ms_played=chance.randrange(300_000),
        uri=f"spotify:track:{track:022}",
        title=f"The {track}th track of them all",
        artists=(Artist(f"Björk the {track % 700}th"),),
        album=f"An album by name of {track // 10}",
        country="DE",
        platform="android",
        reason_start="trackdone",
        reason_end="trackdone",
        shuffle=chance.random() < 0.5,
        skipped=chance.random() < 0.1,
        offline=False,
        incognito=False,
        import_id="0123456789abcdef",
    )


def polled(chance: random.Random, number: int) -> PlayRecorded:
    """A play as the poller sees it, of one of 500 listeners."""
    track = chance.randrange(5000)
    return PlayRecorded(
        listener=f"{chance.randrange(500) * 0x9E3779B97F4A7C15 % 2**64:016x}",
        source="spotify.recently-played",
        reported_end=NOW - chance.randrange(10_000_000),
        published_at=NOW - number,
        duration_ms=chance.randrange(100_000, 300_000),
        uri=f"spotify:track:{track:022}",
        title=f"The {track}th track of them all",
        artists=tuple(Artist(f"Björk the {track % 700}th", f"{track:022}") for _ in range(1 + track % 5 // 4)),
        album=f"An album by name of {track // 10}",
        album_uri=f"spotify:album:{track // 10:022}",
        image_url=f"https://i.scdn.co/image/{track:040}",
        isrc=f"GBBKS{track:07}",
        release_date="1997-09-22",
        explicit=chance.random() < 0.1,
    )


def record(event: PlayRecorded, number: int) -> Record:
    """As it lies on its topic."""
    headers = codec.headers(import_id=event.import_id, origin=f"a.json#{number}" if event.import_id else "")
    key, value = event.listener.encode(), codec.encode(event)
    return Record(PLAY_RECORDED.name, 0, number, NOW, key, value, tuple(headers))


if __name__ == "__main__":
    main()
