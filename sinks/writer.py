"""The worker's store: column batches in, durable rows out, retried until they are.

An outcome of a write is one of three: the rows are durable and it returns; ClickHouse cannot take
them now, and it tries again for ever (until `stopping` is set: then StoreUnavailable); or the
fault is ours, and the error comes out as it is. A retry may store rows twice: every table
replaces rows of the same key, so readers see them once.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa

from sinks import erase
from sinks import spans as intervals
from sinks.clickhouse import ClickHouse
from sinks.patience import Patience
from sinks.times import to_time
from streams.contracts.ports import Span
from streams.contracts.tables import DEAD_LETTERS, IMPORT_ROWS, PLAYBACK, PLAYS, SIGHTINGS
from streams.contracts.topics import Topic

SIGHTING_COLUMNS = ", ".join(SIGHTINGS.names)


class Writer:
    """streams.contracts.ports.PlayStore on ClickHouse. Threads may share it: each has a handle of its own."""

    def __init__(self, ch: ClickHouse, stopping: threading.Event, *, patience: Patience | None = None) -> None:
        self._ch = ch
        self._patiently = patience or Patience(stopping)

    def newest_version(self) -> int:
        """The highest version in `plays`, `sightings` and `import_rows` (all there is of known rows), or 0."""
        sql = (
            "SELECT max(v) FROM (SELECT max(version) AS v FROM plays UNION ALL SELECT max(version) FROM sightings "
            "UNION ALL SELECT max(version) FROM import_rows)"
        )
        return int(self._patiently(lambda: self._ch.scalar(sql)) or 0)

    def sightings_within(self, spans: Sequence[Span]) -> pa.Table:
        """Live sightings (schema SIGHTINGS), of every kind, whose `ended_at` lies in a span."""
        wanted = intervals.merged(spans)
        if not len(wanted):
            return SIGHTINGS.empty_table()
        where, params = intervals.condition(wanted)
        found = self._sightings(where, params, clause="PREWHERE")  # only columns of the sorting key
        if len(wanted) <= intervals.EXACT or not found.num_rows:
            return found
        ends = found["ended_at"].to_numpy().astype("datetime64[ms]").astype(np.int64)
        return found.filter(pa.array(intervals.mask(wanted, found["listener"].to_numpy(), ends)))

    def newest_ends(self, listeners: Collection[int]) -> Mapping[int, int]:
        """By listener the newest `ended_at`, Unix milliseconds UTC, of their sightings, removed ones too."""
        sql = (
            "SELECT listener, toUnixTimestamp64Milli(max(ended_at)) FROM sightings "
            "WHERE listener IN {listeners:Array(UInt64)} GROUP BY listener"
        )
        return dict(self._patiently(lambda: self._ch.query(sql, {"listeners": list(listeners)})))

    def corrected_ends(self, listeners: Collection[int]) -> pa.Table:
        """listener, sighting_id and ended_at of their sightings, removed ones too, that do not end as reported."""
        sql = (
            "SELECT listener, sighting_id, ended_at FROM sightings "
            "WHERE listener IN {listeners:Array(UInt64)} AND ended_at != reported_end"
        )
        found = self._patiently(lambda: self._ch.query_arrow(sql, {"listeners": list(listeners)}))
        schema = pa.schema([SIGHTINGS.field(name) for name in ("listener", "sighting_id", "ended_at")])
        return found.cast(schema) if found.num_columns else schema.empty_table()

    def sightings_after(self, listener: int, after: int, limit: int) -> pa.Table:
        """The first `limit` live sightings of one listener that end later than `after` (Unix ms UTC)."""
        params = {"listener": listener, "after": to_time(after), "limit": limit}
        return self._sightings(
            "listener = {listener:UInt64} AND ended_at > {after:DateTime64(3, 'UTC')} "
            "ORDER BY ended_at, sighting_id LIMIT {limit:UInt64}",
            params,
        )

    def write_plays(self, plays: pa.Table) -> None:
        """Schema PLAYS."""
        self._write("plays", plays, PLAYS)

    def write_sightings(self, sightings: pa.Table, import_rows: pa.Table) -> None:
        """Schemas SIGHTINGS and IMPORT_ROWS. Import rows first: the sightings are the commit mark."""
        self._write("import_rows", import_rows, IMPORT_ROWS)
        self._write("sightings", sightings, SIGHTINGS)

    def write_dead_letters(self, dead_letters: pa.Table) -> None:
        """Schema DEAD_LETTERS."""
        self._write("dead_letters", dead_letters, DEAD_LETTERS)

    def write_playback(self, playback: pa.Table) -> None:
        """Schema PLAYBACK."""
        self._write("playback", playback, PLAYBACK)

    def keys_of(self, listener: int, topic: Topic, start: int, limit: int) -> Sequence[str]:
        """Of a topic of topics.LASTING: the keys that rows of a listener have, in order, from number `start` on."""
        return self._patiently(lambda: erase.keys_of(self._ch, listener, topic, start, limit))

    def erase(self, listener: int) -> Mapping[str, int]:
        """Delete every row of a listener in every table but the settings; rows deleted by table."""
        return self._patiently(lambda: erase.erase_listener(self._ch, listener))

    def _write(self, table: str, rows: pa.Table, schema: pa.Schema) -> None:
        if rows.schema.names != schema.names:
            raise ValueError(f"columns for {table} are {rows.schema.names}, not {schema.names}")
        self._patiently(lambda: self._ch.insert_arrow(table, rows))

    def _sightings(self, where: str, params: Mapping[str, object], *, clause: str = "WHERE") -> pa.Table:
        sql = f"SELECT {SIGHTING_COLUMNS} FROM sightings FINAL {clause} {where}"
        found = self._patiently(lambda: self._ch.query_arrow(sql, params))
        return found.cast(SIGHTINGS) if found.num_columns else SIGHTINGS.empty_table()
