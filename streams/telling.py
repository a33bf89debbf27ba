"""Rows of plays -> the records of PLAY_ENRICHED that tell of them.

Many rows are encoded by column: each column becomes one fragment of JSON a row
(`,"title":"..."`, or nothing), and Arrow joins the fragments. What comes out is, byte for byte,
what codec.encode makes of the PlayEnriched: fields in their order, those at their default left
out. It costs a quarter of an event a row; but a call has a fixed price of some hundred events,
so few rows do become events.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from streams.contracts.events import PlayEnriched
from streams.contracts.ids import to_hex

_FEW = 500  # rows
_OPTIONAL = PlayEnriched.__struct_fields__[4:]  # behind listener, play_id, version and removed
_ESCAPED = r'["\\\x00-\x1f]'  # what cannot stand in a JSON text as it is: msgspec escapes nothing else
_encode = msgspec.json.Encoder().encode


class Messages(Struct):
    """Records of one topic, in order."""

    keys: list[bytes] = []
    values: list[bytes] = []

    def __len__(self) -> int:
        return len(self.keys)

    def __iadd__(self, more: Messages) -> Messages:
        self.keys += more.keys
        self.values += more.values
        return self


def told(plays: pa.Table) -> Messages:
    """One record for each row of schema PLAYS, which must be live. Null says what "" says: nothing is known."""
    return by_row(plays) if plays.num_rows < _FEW else by_column(plays)


def removed(listeners: Sequence[int], ids: Sequence[int], version: int) -> Messages:
    """One record for each play (that listener's, with that id) that is no longer live."""
    who = [to_hex(listener) for listener in listeners]
    return Messages(
        [listener.encode() for listener in who],
        [
            _encode(PlayEnriched(listener=listener, play_id=to_hex(play_id), version=version, removed=True))
            for listener, play_id in zip(who, ids, strict=True)
        ],
    )


def by_row(plays: pa.Table) -> Messages:
    """`told`, event by event."""
    optional = [_plain(plays[name]).to_pylist() for name in _OPTIONAL]
    ids = (plays[name].to_pylist() for name in ("listener", "play_id", "version"))
    made = Messages()
    for listener, play_id, version, *values in zip(*ids, *optional, strict=True):
        said = {name: value for name, value in zip(_OPTIONAL, values, strict=True) if value is not None}
        event = PlayEnriched(listener=to_hex(listener), play_id=to_hex(play_id), version=version, **said)
        made.keys.append(event.listener.encode())
        made.values.append(_encode(event))
    return made


def by_column(plays: pa.Table) -> Messages:
    """`told`, column by column. At least one row."""
    who = _whole(plays["listener"]).dictionary_encode()
    names = _hex(who.dictionary)
    joined = pc.binary_join_element_wise(
        '{"listener":"',
        names.take(who.indices),
        '","play_id":"',
        _hex(_whole(plays["play_id"])),
        '","version":',
        _whole(plays["version"]).cast(pa.string()),
        *(_fragments(name, _whole(plays[name])) for name in _OPTIONAL),
        "}",
        "",
    )
    keys = [name.encode() for name in names.to_pylist()]
    return Messages([keys[row] for row in who.indices.to_pylist()], joined.cast(pa.binary()).to_pylist())


def _fragments(name: str, column: pa.Array) -> pa.Array:
    """`,"name":value` for each row, and "" where it is null or an empty text."""
    before = f',"{name}":'
    kind = column.type
    if pa.types.is_int64(kind) or pa.types.is_timestamp(kind):  # hardly two alike, and nothing to escape
        return pc.fill_null(pc.binary_join_element_wise(before, column.view(pa.int64()).cast(pa.string()), ""), "")
    once = column.dictionary_encode(null_encoding="encode")
    if pa.types.is_string(kind):
        written = _texts(before, once.dictionary)
    else:
        values = once.dictionary.to_pylist()
        written = pa.array(["" if value is None else before + _encode(value).decode() for value in values], pa.string())
    return written.take(once.indices)


def _texts(before: str, values: pa.Array) -> pa.Array:
    """Each text behind its name, escaped where it must be; "" for an empty one and for null."""
    values = pc.fill_null(values, "")
    written = pc.binary_join_element_wise(before + '"', values, '"', "")
    needy = pc.match_substring_regex(values, _ESCAPED)
    if pc.any(needy).as_py():
        escaped = [before + _encode(text).decode() for text in values.filter(needy).to_pylist()]
        written = pc.replace_with_mask(written, needy, pa.array(escaped, pa.string()))
    return pc.if_else(pc.equal(values, ""), "", written)


def _hex(numbers: pa.Array) -> pa.Array:
    """64-bit ids as 16 hexadecimal digits (streams.contracts.ids.to_hex), all at once."""
    digits = numbers.to_numpy().astype(">u8").tobytes().hex().encode()
    ends = np.arange(0, len(digits) + 1, 16, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(digits))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """As events have it: moments as Unix milliseconds, dates as text."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    return column.cast(pa.string()) if pa.types.is_date(column.type) else column
