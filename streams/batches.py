"""Many records at once: which partition each goes to, and whole batches for aiokafka's producer.

A batch that is filled here and handed over with `send_batch` costs a microsecond a record; a
record that goes through `send` costs twelve, most of it for a future of its own. Both ways
mix: the producer numbers batches when it sends them, so idempotence and the order within a
partition hold, and `send` never adds to a batch that is closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from msgspec import Struct

from streams.contracts.record import Headers

MIB = 1024 * 1024
OVERHEAD = 32  # bytes of a record beside key, value and headers: lengths, offsets, its batch's header


class Records(Struct, frozen=True):
    """Records to publish, by column. `headers` has one entry a record, or one for all of them."""

    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers] | None
    common: Headers = ()  # of every record, where `headers` is None


class Part(Struct):
    """The records of one call that go to one partition, and how far they are sent."""

    partition: int
    rows: list[int]  # ascending indices into the call's records
    done: int = 0

    @property
    def next(self) -> int:
        """The index of the next record."""
        return self.rows[self.done]


class Filled(Struct, frozen=True):
    """What went into a batch."""

    records: int
    size: int  # bytes as they lie on the topic


class TooLarge(ValueError):
    """A record is larger than a request may be. Its size in bytes is the argument."""


def partition_of(key: bytes, partitions: int) -> int:
    """Kafka's own rule: murmur2 of the key, without its sign, modulo the number of partitions."""
    return _hash(key) % partitions


def split(keys: Sequence[bytes | None], partitions: int, keyless: int) -> list[Part]:
    """The records by partition, each part in the order of the call; those without a key go to `keyless`."""
    distinct = set(keys)
    where = {key: keyless if key is None else partition_of(key, partitions) for key in distinct}
    if len(set(where.values())) == 1:
        return [Part(next(iter(where.values())), list(range(len(keys))))]
    rows: dict[int, list[int]] = {partition: [] for partition in where.values()}
    add = {key: rows[partition].append for key, partition in where.items()}
    for row, key in enumerate(keys):
        add[key](row)
    return [Part(partition, members) for partition, members in rows.items()]


def fill(
    batch: BatchBuilder, part: Part, records: Records, timestamp: int, most_bytes: float, most_records: float
) -> Filled:
    """Put the part's next records into an empty batch, in order, and close it; `part.done` stays.

    At least one goes in; then as many as the batch takes, and as stay within `most_bytes` and
    `most_records`. `timestamp` is Unix milliseconds UTC, for all. Raises TooLarge.
    """
    keys, values, headers = records.keys, records.values, records.headers
    common = list(records.common)
    append = batch.append
    size = count = 0
    for row in part.rows[part.done : part.done + _most(most_records)]:
        value = values[row]
        if count and size + OVERHEAD + len(value or b"") > most_bytes:
            break
        about = common if headers is None else list(headers[row])
        taken = append(timestamp=timestamp, key=keys[row], value=value, headers=about)
        if taken is None:
            break
        if taken.size > MIB - _REQUEST:
            raise TooLarge(taken.size)
        size += taken.size
        count += 1
    batch.close()
    return Filled(count, size)


_REQUEST = 128  # bytes that a request of one record needs beside it


def _most(records: float) -> int:
    """So many at least one; a batch is full far below the upper bound, which keeps the slice short."""
    return int(min(max(records, 1), 16_384))


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFF_FFFF
