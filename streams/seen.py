"""Sightings by what the look-up and the rule read of them; the whole rows lie in tables beside.

A look-up meets many more sightings than it changes plays, so it handles a few columns of numbers
and only of the touched ones takes whole rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.columns import Flags, Int64s, UInt64s, milliseconds, unsigned
from streams.identity import Keys, joined, keys_of, subset

BATCH = 0  # the number of the table that holds the rows of the slice at hand


@dataclass(frozen=True)
class Seen:
    """One entry a sighting, of any kind. Its whole row is row `row` of the table of number `table`."""

    keys: Keys
    ended: Int64s  # Unix milliseconds UTC, as stored
    published: Int64s  # Unix milliseconds UTC
    import_id: UInt64s
    track: Flags
    table: Int64s
    row: Int64s

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: Int64s | Flags) -> Seen:
        """Some of the entries, by index or by flag."""
        return Seen(
            subset(self.keys, rows),
            self.ended[rows],
            self.published[rows],
            self.import_id[rows],
            self.track[rows],
            self.table[rows],
            self.row[rows],
        )


def seen_of(sightings: pa.Table, table: int) -> Seen:
    """The entries of rows of schema SIGHTINGS that lie in the table of that number."""
    rows = sightings.num_rows
    return Seen(
        keys_of(sightings),
        milliseconds(sightings["ended_at"]),
        milliseconds(sightings["published_at"]),
        unsigned(sightings["import_id"]),
        np.asarray(pc.equal(sightings["kind"], "track").to_numpy(), dtype=np.bool_),
        np.full(rows, table, np.int64),
        np.arange(rows),
    )


def together(several: Sequence[Seen]) -> Seen:
    """All entries, in their order; at least one part."""
    if len(several) == 1:
        return several[0]
    return Seen(
        joined([one.keys for one in several]),
        np.concatenate([one.ended for one in several]),
        np.concatenate([one.published for one in several]),
        np.concatenate([one.import_id for one in several]),
        np.concatenate([one.track for one in several]),
        np.concatenate([one.table for one in several]),
        np.concatenate([one.row for one in several]),
    )


def rows_of(seen: Seen, tables: Mapping[int, pa.Table]) -> pa.Table:
    """The whole rows of entries, in their order. Entries of one table stand together, there is at least one."""
    heads = np.flatnonzero(np.diff(seen.table, prepend=seen.table[:1] - 1))
    parts = []
    for start, end in zip(heads.tolist(), [*heads[1:].tolist(), len(seen)], strict=True):
        table, rows = tables[int(seen.table[start])], seen.row[start:end]
        whole = len(rows) == table.num_rows and np.array_equal(rows, np.arange(len(rows)))
        parts.append(table if whole else table.take(pa.array(rows)))
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts).combine_chunks()
