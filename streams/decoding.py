"""A slice of music.play.recorded.v1 -> rows of schema SIGHTINGS, as whole columns.

    bytes -> what a fast parser would read otherwise than the codec does is put aside
          -> one parse of all the rest (pyarrow.json, without the interpreter's lock)
          -> the limits of the event, column by column (streams/decoding_checks.py)
          -> sightings

A record that was put aside, does not parse, or breaks a limit is given to streams.contracts.codec by
itself. So only the codec says what is refused and why, and here must only never be accepted what it
would refuse, or be read otherwise. It costs about four times as much a record.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import structlog
from msgspec import Struct
from pyarrow import json

from streams.columns import Flags, Int64s, sighting_table, sightings_said, tracks_said
from streams.contracts import codec
from streams.contracts.errors import Refused
from streams.contracts.events import PlayRecorded
from streams.contracts.record import Record, Taken
from streams.contracts.tables import SIGHTINGS
from streams.decoding_checks import Rule, flags, lawful, rules_of, schema_of, with_defaults
from streams.faults import isolate
from streams.refusals import Refusal

FEW = 250  # records that the codec has read before the columns are set up
BLOCK = 1 << 20  # bytes that one thread parses at once
PARTS = 8  # into which a slice is cut when it does not parse
SMALL = 40  # records that are not worth another cut

log = structlog.get_logger(__name__)


class Decoded(Struct, frozen=True):
    """What a slice holds. `sightings` are of schema SIGHTINGS, in the records' order."""

    sightings: pa.Table
    rows: Int64s  # for each sighting, which of the records it was
    refusals: list[Refusal]
    faults: list[tuple[Record, Exception]]  # records on which our own code failed


def decode_plays(records: Sequence[Taken], *, now_ms: int, version: int) -> Decoded:
    """The sightings of a slice, all with that `version`, and what became of the other records.

    `now_ms` is Unix milliseconds UTC. Accepts what `codec.decode` does, with its errors.
    """
    rows, sightings = np.empty(0, np.int64), SIGHTINGS.empty_table()
    if len(records) >= FEW:
        try:
            rows, sightings = _by_column(records, now_ms, version)
        except Exception as error:  # whatever is wrong here, the records themselves must not suffer
            _tell(error)
    if len(rows) == len(records):
        return Decoded(sightings, rows, [], [])
    aside = np.ones(len(records), np.bool_)
    aside[rows] = False
    return _merged(rows, sightings, _one_by_one(records, np.flatnonzero(aside), now_ms, version))


def _merged(rows: Int64s, sightings: pa.Table, others: Decoded) -> Decoded:
    if len(rows):
        both = np.concatenate([rows, others.rows])
        order = np.argsort(both, kind="stable")
        together = pa.concat_tables([sightings, others.sightings]).take(pa.array(order)).combine_chunks()
        return Decoded(together, both[order], others.refusals, others.faults)
    return others


def _one_by_one(records: Sequence[Taken], rows: Int64s, now_ms: int, version: int) -> Decoded:
    """Those rows of the slice as the codec reads them."""
    good: list[tuple[int, PlayRecorded]] = []
    refusals: list[Refusal] = []
    faults: list[tuple[int, Exception]] = []
    for row in rows.tolist():
        try:
            good.append((row, codec.decode(PlayRecorded, records[row], now_ms=now_ms)))
        except Refused as error:
            refusals.append(Refusal(Record.of(records[row]), error))
        except Exception as error:
            faults.append((row, error))

    def work(part: Sequence[tuple[int, PlayRecorded]]) -> tuple[pa.Table, Int64s]:
        return sighting_table([event for _, event in part], version), np.array([row for row, _ in part], np.int64)

    (sightings, read), culprits = isolate(work, good, len(good))
    faults += [(row, error) for (row, _), error in culprits]
    failed = [(Record.of(records[row]), error) for row, error in sorted(faults, key=lambda fault: fault[0])]
    return Decoded(sightings, read, refusals, failed)


def _by_column(records: Sequence[Taken], now_ms: int, version: int) -> tuple[Int64s, pa.Table]:
    """Rows of the slice that are certainly events, in order, and their sightings."""
    rules = _rules()
    values = [record.value or b"" for record in records]
    text = b"\n".join([*values, b""])
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    rows = np.flatnonzero(_plain(text, lengths) & _of_our_version(records))
    whole = text if len(rows) == len(values) else _lines(values, rows)
    found = list(_parsed(values, rows, whole)) if len(rows) else []
    if not found:
        return np.empty(0, np.int64), SIGHTINGS.empty_table()
    rows = np.concatenate([part for part, _ in found])
    batch = pa.concat_batches([batch for _, parts in found for batch in parts.to_batches()])
    kept = lawful(batch, rules, now_ms)
    if not kept.all():
        rows, batch = rows[kept], batch.filter(pa.array(kept))
    said = {rule.name: with_defaults(batch.column(rule.name), rule) for rule in rules}
    said |= _artists(said.pop("artists"), next(rule.members for rule in rules if rule.name == "artists"))
    tracks = tracks_said(said)
    named = flags(pc.not_equal(tracks, ""))  # an episode without an artist may do without
    sightings = sightings_said(said, tracks, version)
    return (rows, sightings) if named.all() else (rows[named], sightings.filter(pa.array(named)))


@cache
def _rules() -> tuple[Rule, ...]:
    return rules_of(PlayRecorded)


def _artists(listed: pa.ListArray, members: tuple[Rule, ...]) -> dict[str, pa.Array]:
    """Lists of artists as a list of each of their fields; an empty one where there is none."""
    inner = dict(zip([rule.name for rule in members], listed.values.flatten(), strict=True))
    return {
        f"artist_{rule.name}s": pa.ListArray.from_arrays(listed.offsets, with_defaults(inner[rule.name], rule))
        for rule in members
    }


def _of_our_version(records: Sequence[Taken]) -> Flags:
    usual = tuple(codec.headers())
    return _all_but(
        [row for row, one in enumerate(records) if one.headers[:2] != usual and not codec.readable(one.headers)],
        len(records),
    )


def _plain(text: bytes, lengths: Int64s) -> Flags:
    """Which lines of the text are to be parsed: what stands in them means one thing to every parser.

    Begins and ends as an object does, and is in UTF-8. No byte that ends a line, nor another below
    space. No `null`, which is the parser's word for a field that is not there.

    Of such lines two objects can stand side by side only where one line ends and the next begins, or
    within a line, and then there are more objects than lines.
    """
    data, ends = np.frombuffer(text, np.uint8), np.cumsum(lengths + 1) - 1
    plain = (lengths > 1) & (data[ends - lengths] == ord("{")) & (data[ends - 1] == ord("}"))
    if np.count_nonzero(data < ord(" ")) > len(lengths):
        odd = np.flatnonzero(data < ord(" "))
        plain[np.searchsorted(ends, odd[~np.isin(odd, ends)])] = False
    plain[np.searchsorted(ends, _places_of_null(text))] = False
    if not _is_utf8(text):
        lines = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
        plain &= _all_but([row for row, (start, end) in enumerate(lines) if not _is_utf8(text[start:end])], len(plain))
    return np.asarray(plain, np.bool_)


def _places_of_null(text: bytes) -> Int64s:
    """Where `null` stands. Four looks at the text as 32-bit numbers take half the time of one find()."""
    null = int.from_bytes(b"null", "little")
    looks = [(at, np.frombuffer(text, "<u4", max(0, len(text) - at) // 4, at)) for at in range(4)]
    return np.concatenate([np.flatnonzero(look == null) * 4 + at for at, look in looks])


def _all_but(rows: list[int], of: int) -> Flags:
    some = np.ones(of, np.bool_)
    some[rows] = False
    return some


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        pa.LargeStringArray.from_buffers(1, pa.array([0, len(text)]).buffers()[1], pa.py_buffer(text)).validate(
            full=True
        )
    except pa.ArrowInvalid:
        return False
    return True


def _parsed(values: Sequence[bytes], rows: Int64s, text: bytes) -> Iterator[tuple[Int64s, pa.Table]]:
    """Rows and the table of their objects, in order, without the parts that do not parse.

    `text` is the rows' values, each with a line end.
    """
    try:
        table = json.read_json(
            pa.BufferReader(text),
            read_options=json.ReadOptions(use_threads=len(text) > BLOCK, block_size=_block(values, text)),
            parse_options=json.ParseOptions(explicit_schema=schema_of(_rules()), unexpected_field_behavior="error"),
        )
        if table.num_rows == len(rows):
            yield rows, table
            return
    except pa.ArrowInvalid:
        pass
    if len(rows) > SMALL:
        for part in np.array_split(rows, PARTS):
            yield from _parsed(values, part, _lines(values, part))


def _lines(values: Sequence[bytes], rows: Int64s) -> bytes:
    return b"\n".join([*(values[row] for row in rows.tolist()), b""])


def _block(values: Sequence[bytes], text: bytes) -> int:
    """Bytes that are parsed at once: a record must fit."""
    return len(text) if len(text) <= BLOCK else max(BLOCK, *map(len, values)) + 2


def _tell(error: Exception) -> None:
    """Says where, and never what: an exception's own text may quote a record."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
    log.error("a slice is decoded record by record, by a fault of ours", fault=where)
