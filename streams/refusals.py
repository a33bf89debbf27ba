"""A refused record as a dead letter: a row for ClickHouse and a record for its topic. Pure.

The bytes stay as they came, but for two reasons: what an erased listener once sent, or an import that
was undone, is counted and not kept; and what is too large to be published once more with our headers
lies in ClickHouse only.

A dead letter that is published again (api/replaying.py) carries its id in the header REPLAY: refused
once more it is the same dead letter, in its newest state, and no second one.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from msgspec import Struct

from streams.contracts.errors import Erased, Refused, Undone
from streams.contracts.ids import hash64, to_hex
from streams.contracts.record import (
    ERROR_CLASS,
    ERROR_MESSAGE,
    ERROR_OFFSET,
    ERROR_PARTITION,
    ERROR_TOPIC,
    IMPORT,
    ORIGIN,
    PUBLISHED,
    REPLAY,
    Record,
)
from streams.contracts.tables import DEAD_LETTERS

_OF_REPLAY = {REPLAY, PUBLISHED}
_OURS = {ERROR_TOPIC, ERROR_PARTITION, ERROR_OFFSET, ERROR_CLASS, ERROR_MESSAGE}

MOST = 900 * 1024  # bytes of a record that are repeated on the topic: Kafka takes 1 MiB, our headers included
_KEY = 1024  # bytes of a key that are repeated even then

DeadLetter = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""Key, value and headers, as the dead-letter topic gets them."""


class Refusal(Struct, frozen=True):
    """A record and why it was refused."""

    record: Record
    error: Refused


def dead_letter(refusal: Refusal) -> DeadLetter:
    """The record as it came, with Kafka Connect's headers behind its own.

    Of one larger than MOST (a producer that compresses can send it) only the key, if that is short:
    a dead letter that cannot be published would stop the worker at the same record for ever.
    """
    record, error = refusal.record, refusal.error
    own = [(name, value) for name, value in record.headers if name not in _OURS]
    key, value, message = record.key, _kept(refusal), error.message
    if len(key or b"") + len(value or b"") + sum(len(name) + len(text or b"") for name, text in own) > MOST:
        key, value, own = key if len(key or b"") <= _KEY else None, None, []
        message += f" (more than {MOST} bytes: they are in ClickHouse only)"
    why = [
        (ERROR_TOPIC, record.topic),
        (ERROR_PARTITION, str(record.partition)),
        (ERROR_OFFSET, str(record.offset)),
        (ERROR_CLASS, f"{type(error).__module__}.{type(error).__qualname__}"),
        (ERROR_MESSAGE, message),
    ]
    return key, value, [*own, *((name, text.encode("utf-8", "replace")) for name, text in why)]


def dead_letter_table(refusals: Sequence[Refusal], refused_at: int) -> pa.Table:
    """Rows of schema DEAD_LETTERS, each id once. `refused_at` is Unix milliseconds UTC."""
    rows = {}
    for refusal in refusals:
        record, error = refusal.record, refusal.error
        row = {
            "dead_letter_id": dead_letter_id(record),
            "refused_at": refused_at,
            "reason": error.reason,
            "message": error.message,
            "listener": _id(record.key or b""),
            "import_id": _id(record.header(IMPORT).encode()),
            "origin": record.header(ORIGIN),
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "published_at": _published(record),
            "key": record.key or b"",
            "payload": _kept(refusal) or b"",
            "headers": [(name, value or b"") for name, value in record.headers if name not in _OF_REPLAY],
        }
        rows[row["dead_letter_id"]] = row
    return pa.Table.from_pylist(list(rows.values()), schema=DEAD_LETTERS)


def dead_letter_id(record: Record) -> int:
    """A row of an import's file has one id for ever; any other record is told by where and what it is.

    So is one that is published again: by its header, which says the id that it had.
    """
    import_id, origin = _id(record.header(IMPORT).encode()), record.header(ORIGIN)
    if import_id and origin:
        return hash64(to_hex(import_id), origin)
    if replayed := _id(record.header(REPLAY).encode()):
        return replayed
    where = (record.topic, str(record.partition), str(record.offset), str(record.timestamp))
    return hash64(*where, (record.value or b"").decode("latin-1"))


def _kept(refusal: Refusal) -> bytes | None:
    return b"" if isinstance(refusal.error, Erased | Undone) else refusal.record.value


def _published(record: Record) -> int:
    """Unix milliseconds UTC; of a replay, when the record was first published."""
    first = record.header(PUBLISHED)
    return int(first) if first.isascii() and first.isdigit() and len(first) < 15 else max(0, record.timestamp)


def _id(text: bytes) -> int:
    """16 hexadecimal digits as a number, or 0."""
    try:
        return int.from_bytes(bytes.fromhex(text.decode("ascii")), "big") if len(text) == 16 else 0
    except (UnicodeDecodeError, ValueError):
        return 0
