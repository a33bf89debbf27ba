"""That a table is the same on both sides: number, exclusive or and sum of the hashes of its live rows.

A dumped row carries its hash as the column `_row`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from msgspec import Struct

from sinks.clickhouse import ClickHouse
from sinks.exports.pages import Layout

HASH = "_row"

Hashes = npt.NDArray[np.uint64]


class Proof(Struct, frozen=True):
    """What the live rows of a table are: their number, and of their hashes the exclusive or and the sum."""

    rows: int
    xor: str  # 16 hexadecimal digits, as the sum, which is cut to 64 bits
    sum: str


def row_hash(table: Layout) -> str:
    """The expression that hashes a whole row: the same wherever the row lies."""
    return f"sipHash64(formatRow('RowBinary', {table.names()}))"


def proof(ch: ClickHouse, table: Layout) -> Proof:
    """What a table holds now."""
    rows = ch.query(
        f"SELECT count(), groupBitXor(h), sum(h) FROM (SELECT {row_hash(table)} AS h FROM `{table.name}` FINAL)"
    )
    return Proof(rows[0][0], f"{rows[0][1]:016x}", f"{rows[0][2]:016x}")


def proof_of(hashes: Hashes) -> Proof:
    """What a table holds whose rows have these hashes."""
    return Proof(len(hashes), f"{int(np.bitwise_xor.reduce(hashes)):016x}", f"{int(hashes.sum(dtype=np.uint64)):016x}")


def hashes_of(file: Path) -> Hashes:
    """The hashes of the rows of a dumped table."""
    column = pq.read_table(file, columns=[HASH])[HASH]
    return np.asarray(column.to_numpy(), dtype=np.uint64)
