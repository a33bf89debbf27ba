"""An embedded instance into another ClickHouse, proven row by row; killed anywhere, it is started again.

What lies in the target already must be rows of ours: then only the missing ones are sent. So a target
that somebody else uses is never mixed with ours, and a move that was cut off goes on where it stood.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from msgspec import Struct

from sinks.backups import FED, Manifest, Progress, batches, checked, file_of, quiet
from sinks.clickhouse import ClickHouse
from sinks.exports.pages import Layout
from sinks.migrate import migrate
from sinks.proofs import HASH, Hashes, Proof, hashes_of, proof, row_hash
from streams.contracts.errors import SpotifireError, UserError


class Moved(Struct, frozen=True):
    """A table on the other side: `sent` rows now, and what it holds, which is what it held here."""

    table: str
    sent: int
    proof: Proof


def move(manifest: Manifest, folder: Path, target: ClickHouse, progress: Progress = quiet) -> list[Moved]:
    """Bring what was dumped into a folder (sinks/backups.py) to `target`, whose schema is made where it lacks.

    Raises UserError where the target holds rows of others, or has a newer schema; SpotifireError where
    a table is not the same in the end.
    """
    migrate(target)
    loading = checked(target, folder, manifest)
    # of all tables before the first row is sent
    there = {name: _ours(target, layout, folder) for name, layout in loading.items() if name not in FED}
    moved = []
    for name, layout in loading.items():
        known = there[name] if name in there else _hashes(target, layout)
        moved.append(_sent(target, layout, folder, known, manifest.tables[name]))
        progress(name, moved[-1].proof.rows)
    return moved


def _ours(target: ClickHouse, table: Layout, folder: Path) -> Hashes:
    """The hashes of the rows that are there already. Raises UserError where some are not ours."""
    there = _hashes(target, table)
    foreign = int(np.count_nonzero(~np.isin(there, hashes_of(file_of(folder, table.name))))) if len(there) else 0
    if foreign:
        raise UserError(
            f"ClickHouse at {target.settings.where()} holds {foreign:,} other rows in {table.name} already.",
            cure="Move to an empty database: --database NAME.",
        )
    return there


def _sent(target: ClickHouse, table: Layout, folder: Path, there: Hashes, wanted: Proof) -> Moved:
    sent = 0
    for batch in batches(file_of(folder, table.name)):
        missing = ~np.isin(np.asarray(batch[HASH].to_numpy(), np.uint64), there)
        rows = batch.filter(pa.array(missing)).drop_columns([HASH])
        target.insert_arrow(table.name, rows)
        sent += rows.num_rows
    found = proof(target, table)
    if found != wanted:
        raise SpotifireError(
            f"After the move {table.name} is not the same: {found.rows:,} rows there, {wanted.rows:,} here.",
            cure="Move again, and see that nobody else writes there.",
        )
    return Moved(table.name, sent, found)


def _hashes(ch: ClickHouse, table: Layout) -> Hashes:
    """Of every live row."""
    found = ch.query_arrow(f"SELECT {row_hash(table)} AS h FROM `{table.name}` FINAL")
    return np.asarray(found["h"].to_numpy(), np.uint64) if found.num_rows else np.empty(0, np.uint64)
