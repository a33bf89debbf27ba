"""Which rows of a table changed since the last look: told by its data parts, never by clocks.

Every insert makes a part, whose name holds the numbers of the blocks in it (`all_7_9_1`: blocks 7 to
9) and of the last mutation. A version column would hide what a process with a slow clock wrote. The
names and sizes of the parts are known without reading a row: 2 ms on 5 million artists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from sinks.clickhouse import ClickHouse, Rows

READ = 50_000  # rows of new parts that are read for their keys; with more, everything may have changed

_NAME = re.compile(r"(.+?)_(\d+)_(\d+)_\d+(?:_(\d+))?")  # partition, blocks, level, mutation


class _Part(NamedTuple):
    """A data part, as its name says."""

    partition: str
    first: int  # block
    last: int
    mutation: int

    def within(self, others: Iterable[_Part]) -> bool:
        """Whether one of the others holds all its blocks."""
        return any(o.partition == self.partition and o.first <= self.first and self.last <= o.last for o in others)


class Changes:
    """What changed in one table between two calls of `since_last`. `keys`: the columns that are told."""

    def __init__(self, ch: ClickHouse, table: str, keys: tuple[str, ...]) -> None:
        self._ch = ch
        self._parts_sql = f"SELECT _part, count() FROM {table} GROUP BY _part"
        self._rows_sql = f"SELECT {', '.join(keys)} FROM {table} WHERE _part IN {{parts:Array(String)}}"
        self._parts: set[_Part] = set()
        self._seen: list[_Part] = []  # blocks that were there at some look, runs of them joined

    def since_last(self) -> Rows | None:
        """Keys of the rows that came, perhaps more; None: any row may have changed, or be gone.

        Raises StoreUnavailable; then the next call tells what this one would have.
        """
        sizes = {name: rows for name, rows in self._ch.query(self._parts_sql) if rows}
        named = {name: _part(name) for name in sizes}
        parts = set(named.values())
        lost = any(not part.within(parts) for part in self._parts - parts)
        mutated = max((part.mutation for part in parts), default=0) > max((p.mutation for p in self._parts), default=0)
        came = [name for name, part in named.items() if part not in self._parts and not part.within(self._seen)]
        rows: Rows | None = None
        if not lost and not mutated and sum(sizes[name] for name in came) <= READ:
            rows = self._ch.query(self._rows_sql, {"parts": came}) if came else []
            if len(rows) != sum(sizes[name] for name in came):  # merged away between the two questions
                rows = None
        self._parts, self._seen = parts, _joined([*self._seen, *parts])
        return rows


def _part(name: str) -> _Part:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is no name of a data part")
    return _Part(found[1], int(found[2]), int(found[3]), int(found[4] or 0))


def _joined(parts: Iterable[_Part]) -> list[_Part]:
    """The same blocks in as few runs as possible."""
    runs: list[_Part] = []
    for part in sorted(parts):
        last = runs[-1] if runs else None
        if last is not None and last.partition == part.partition and part.first <= last.last + 1:
            runs[-1] = last._replace(last=max(last.last, part.last), mutation=0)
        else:
            runs.append(part._replace(mutation=0))
    return runs
