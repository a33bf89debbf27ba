"""A table of ours, read page by page in the order of its sorting key, in flat memory.

By pages and not as one stream, because the embedded engine's client holds a whole result before it
gives the first row. A page is what was stored when it was read: rows that come meanwhile behind the
place that was reached are not in it. 64-bit ids come out as 16 hexadecimal digits, for other
programs round them, and bytes as Base64.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
from msgspec import Struct

from sinks.clickhouse import ClickHouse

Format = Literal["jsonl", "csv", "parquet"]

PAGE = 10_000  # rows: about 7 MB as JSON, of which a few copies stand in memory
STRETCH = 20  # pages whose ends are looked up at once: that reads the keys of all that is left

ROW_FORMATS: Mapping[Format, str] = {"jsonl": "JSONEachRow", "csv": "CSV"}
SETTINGS = (
    "SETTINGS date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0, "
    "output_format_json_validate_utf8 = 1, output_format_json_escape_forward_slashes = 0, "
    "format_csv_null_representation = '', prefer_column_name_to_alias = 1"
)

_LOW = re.compile(r"LowCardinality\((.*)\)")
_BYTES = frozenset({"key", "payload"})  # of dead letters: as they came, and perhaps no text


class Column(Struct, frozen=True):
    """A column, and its type as ClickHouse writes it."""

    name: str
    type: str

    @property
    def is_id(self) -> bool:
        """Whether it holds a 64-bit id."""
        return self.type == "UInt64" and (self.name in {"listener", "closed_by"} or self.name.endswith("_id"))

    def shown(self, format_: Format) -> str:
        """The expression that an export gives for it."""
        name = f"`{self.name}`"
        if self.is_id:
            return f"lower(leftPad(hex({name}), 16, '0'))"
        if self.type == "Array(UInt64)":
            ids = f"arrayMap(id -> lower(leftPad(hex(id), 16, '0')), {name})"
            return f"toJSONString({ids})" if format_ == "csv" else ids
        if self.name in _BYTES and self.type == "Nullable(String)":
            return f"base64Encode({name})"
        if format_ == "csv" and self.type.startswith(("Array(", "Map(", "Tuple(")):
            return f"toJSONString({name})"
        return name


class Layout(Struct, frozen=True):
    """A table as the database has it."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]  # what it is sorted by

    def names(self) -> str:
        """Its columns, as a statement lists them."""
        return ", ".join(f"`{column.name}`" for column in self.columns)


def layouts(ch: ClickHouse, tables: Sequence[str] | None = None) -> dict[str, Layout]:
    """The tables of this database that hold rows (no views), by name; only those of `tables` if given."""
    sorted_by = ch.query(
        "SELECT name, sorting_key FROM system.tables WHERE database = {db:String} AND engine LIKE '%MergeTree' "
        "AND NOT startsWith(name, '.') ORDER BY name",
        {"db": ch.database},
    )
    columns: dict[str, list[Column]] = {}
    for table, name, kind in ch.query(
        "SELECT table, name, type FROM system.columns WHERE database = {db:String} "
        "AND default_kind NOT IN ('ALIAS', 'EPHEMERAL', 'MATERIALIZED') ORDER BY table, position",
        {"db": ch.database},
    ):
        columns.setdefault(table, []).append(Column(name, kind))
    return {
        name: Layout(name, tuple(columns[name]), tuple(part.strip() for part in key.split(",")))
        for name, key in sorted_by
        if tables is None or name in tables
    }


def pages(
    ch: ClickHouse, table: Layout, format_: Format, where: str, params: Mapping[str, Any], *, size: int = PAGE
) -> Iterator[pa.Table]:
    """The live rows that fulfil `where`, by sorting key, at least one table (perhaps of no rows).

    Where a table is sorted by listener first, `where` must name one.

    For `jsonl` and `csv` one column of text, a line of its own each; for `parquet` the columns.
    """
    key = [column for column in table.columns if column.name in table.key]
    key.sort(key=lambda column: table.key.index(column.name))
    shown = ", ".join(f"{column.shown(format_)} AS `{column.name}`" for column in table.columns)
    select = shown if format_ == "parquet" else f"formatRow('{ROW_FORMATS[format_]}', {shown}) AS line"
    order = ", ".join(f"`{column.name}`" for column in key)
    low, bound, told = "", dict(params), False
    while True:
        live = f"`{table.name}` FINAL WHERE {where}"
        # where pages end is looked up by the key alone: so the engine reads whole rows of one page only
        ends = ch.query(
            f"SELECT {order} FROM (SELECT {order}, row_number() OVER (ORDER BY {order}) AS place FROM "
            f"(SELECT {order} FROM {live}{low} ORDER BY {order} LIMIT {size * STRETCH})) "
            f"WHERE place % {size} = 0 ORDER BY place",
            bound,
        )
        last = len(ends) < STRETCH
        for end in [*ends, None] if last else ends:
            high = ""
            if end is not None:
                bound |= {f"high{place}": value for place, value in enumerate(end)}
                high = _beyond(key, "<=", "high", "<=")
            page = ch.query_arrow(
                # the inner query gives whole rows, so that no alias of ours stands in its WHERE
                f"SELECT {select} FROM (SELECT {table.names()} FROM {live}{low}{high}) ORDER BY {order} {SETTINGS}",
                bound,
            )
            if page.num_rows or not told:
                told = True
                yield page
            if end is not None:
                bound |= {f"low{place}": value for place, value in enumerate(end)}
                low = _beyond(key, ">=", "low", ">")
        if last:
            return


def _beyond(key: Sequence[Column], about: str, name: str, exactly: str) -> str:
    """On one side of a bound key, of one listener. The first condition says nothing new: it is for the index."""
    typed = []
    for place, column in enumerate(key):
        kind = _LOW.sub(r"\1", column.type)
        typed.append(f"{{{name}{place}:{kind}}}")
    names = ", ".join(f"`{column.name}`" for column in key)
    first = next((place for place, column in enumerate(key) if column.name != "listener"), 0)
    return f" AND `{key[first].name}` {about} {typed[first]} AND tuple({names}) {exactly} tuple({', '.join(typed)})"
