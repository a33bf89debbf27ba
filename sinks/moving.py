"""An embedded instance into another ClickHouse, proven row by row; killed anywhere, it is started again.

What lies in the target already must be rows of ours: then only the missing ones are sent. So a target
that somebody else uses is never mixed with ours, and a move that was cut off goes on where it stood.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from msgspec import Struct

from sinks.backups import (
    FED,
    HASH,
    Hashes,
    Manifest,
    Progress,
    Proof,
    batches,
    checked,
    file_of,
    hashes_of,
    proof,
    quiet,
    row_hash,
)
from sinks.clickhouse import ClickHouse
from sinks.exports.pages import Layout, layouts
from sinks.migrate import migrate
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
    others = {name: layout for name, layout in layouts(target).items() if name in loading and name not in FED}
    for name, layout in others.items():  # of all tables before the first row is sent
        _refuse_foreign(target, layout, hashes_of(file_of(folder, name)))
    return [_sent(target, layout, folder, manifest, progress) for layout in loading.values()]


def _refuse_foreign(target: ClickHouse, table: Layout, ours: Hashes) -> None:
    foreign = int(np.count_nonzero(~np.isin(_hashes(target, table), ours)))
    if foreign:
        raise UserError(
            f"ClickHouse at {target.settings.where()} holds {foreign:,} other rows in {table.name} already.",
            cure="Move to an empty database: --database NAME.",
        )


def _sent(target: ClickHouse, table: Layout, folder: Path, manifest: Manifest, progress: Progress) -> Moved:
    there, sent = _hashes(target, table), 0
    for batch in batches(file_of(folder, table.name)):
        missing = ~np.isin(np.asarray(batch[HASH].to_numpy(), np.uint64), there)
        rows = batch.filter(pa.array(missing)).drop_columns([HASH])
        target.insert_arrow(table.name, rows)
        sent += rows.num_rows
    found = proof(target, table)
    if found != manifest.tables[table.name]:
        raise SpotifireError(
            f"After the move {table.name} is not the same: {found.rows:,} rows there, "
            f"{manifest.tables[table.name].rows:,} here.",
            cure="Move again, and see that nobody else writes there.",
        )
    progress(table.name, found.rows)
    return Moved(table.name, sent, found)


def _hashes(ch: ClickHouse, table: Layout) -> Hashes:
    """Of every live row."""
    found = ch.query_arrow(f"SELECT {row_hash(table)} AS h FROM `{table.name}` FINAL")
    return np.asarray(found["h"].to_numpy(), np.uint64) if found.num_rows else np.empty(0, np.uint64)
