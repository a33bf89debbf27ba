"""All files of an export -> what is published, batch by batch, in time order as far as memory allows.

The worker is fastest with rows in time order: a slice then touches one partition of a table and
a small part of a listener's history. Order is speed only; what is stored does not depend on it.
So files are read by the time of their first row, and between reading and publishing stands a
buffer of WINDOW rows from which the oldest leave first, STEP at a time. Newer exports are in order within a
file and come out wholly ordered; an endsong file, which is not, has about as many rows as the
window. Memory: the window (about 12 MB) and one block of the file that is being read.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct

from producers.history.archive import HistoryFile
from producers.history.published import Published, RowFormat, unread
from producers.history.rows import Unread

WINDOW = 16_384  # rows
STEP = 4_096  # rows that come between two sortings: a block's 700 each time would cost as much as the rest

_by_end = attrgetter("end")


class Batch(Struct, frozen=True):
    """Records to publish next, and how far reading has come."""

    records: list[Published]
    rows: int  # rows read so far, of all files
    position: int  # bytes read so far, of all files
    label: str  # the file that is being read


def read_export(
    files: Sequence[HistoryFile], listener: int, import_id: int, published_at: int, *, window: int = WINDOW
) -> Generator[Batch, None, None]:
    """Every row of every file, once, as `listener`'s (64-bit ids, Unix milliseconds UTC).

    Blocks: run it in a thread. Raises UserError (see elements.py).
    """
    held: list[Published] = []
    rows = done = 0
    label = ""
    formats: dict[Any, RowFormat] = {}  # one of each, for what it remembers
    for file in files:
        made = file.shape.format
        publish = formats.setdefault(made, made(listener, import_id, published_at)).publish
        label = file.label
        before = rows
        with file.reading() as read:
            for found in file.shape.batches(read, label):
                for number, row in enumerate(found, rows - before + 1):
                    origin = f"{label}#{number}"
                    held.append(unread(row, origin) if isinstance(row, Unread) else publish(row, origin))
                rows += len(found)
                surplus = len(held) - window
                if surplus >= STEP:
                    held.sort(key=_by_end)  # ordered runs: a merge
                    batch = Batch(held[:surplus], rows, done + file.position, label)
                    del held[:surplus]
                    yield batch
        done += file.position
    held.sort(key=_by_end)
    for start in range(0, len(held), STEP):
        yield Batch(held[start : start + STEP], rows, done, label)
