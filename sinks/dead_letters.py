"""Dead letters: what was refused, publishing it again, and whether that helped.

That a replay helped is not told by anybody, it is found: the sighting that the bytes are is stored. So
it is right whoever stored it and whenever, and a worker that is killed in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sinks.clickhouse import ClickHouse
from sinks.imports import Imports
from sinks.rows import DeadLetterRow
from sinks.times import next_version, now_ms, to_time
from streams.contracts.ids import from_hex, to_hex

COLUMNS = ("dead_letter_id", "version", "listener", "sighting_id", "ended_at", "replayed_at", "resolved_at")
LATE_S = 86_400  # a sighting that was known before may stand by another end of up to a day away
SHOWN = 4096  # bytes of a payload that a list shows


@dataclass(frozen=True)
class Letter:
    """A refused record whole: its bytes, and its headers in their order."""

    row: DeadLetterRow
    key: bytes | None
    payload: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    published_at: int  # Unix milliseconds UTC


@dataclass(frozen=True)
class Replay:
    """A dead letter that was published again, and the sighting that it would be (0 where it is none)."""

    dead_letter_id: int
    listener: int = 0
    sighting_id: int = 0
    ended_at: int = 0  # Unix milliseconds UTC


class DeadLetters:
    """The tables `dead_letters`, which the worker writes, and `replays`."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch
        self._imports = Imports(ch)

    def newest(
        self,
        limit: int = 100,
        *,
        listener: int = 0,
        reason: str = "",
        import_id: int = 0,
        waiting: bool = False,
        ids: Sequence[int] = (),
    ) -> list[DeadLetterRow]:
        """Newest first, of everybody or as narrowed. `waiting` leaves out what was stored since."""
        rows = self._ch.query_dicts(
            "SELECT dead_letter_hex AS dead_letter_id, refused_at, reason, message, listener, import_id, origin, "
            "topic, partition, offset, substring(ifNull(payload, ''), 1, {shown:UInt32}) AS text, "
            "replayed_at, resolved_at FROM v_dead_letters "
            "WHERE {listener:UInt64} IN (0, listener) AND {reason:String} IN ('', reason) "
            "AND {import:UInt64} IN (0, import_id) AND (NOT {waiting:Bool} OR resolved_at IS NULL) "
            "AND (empty({ids:Array(UInt64)}) OR v_dead_letters.dead_letter_id IN {ids:Array(UInt64)}) "
            "ORDER BY refused_at DESC, dead_letter_id LIMIT {limit:UInt32}",
            {
                "listener": listener,
                "reason": reason,
                "import": import_id,
                "waiting": waiting,
                "ids": list(ids),
                "limit": limit,
                "shown": SHOWN,
            },
            column_formats={"text": "bytes"},
        )
        return [_row(row) for row in rows]

    def get(self, dead_letter_id: int) -> Letter | None:
        """One of them whole, or None."""
        return self.whole([dead_letter_id]).get(dead_letter_id)

    def whole(self, ids: Sequence[int]) -> dict[int, Letter]:
        """Those that there are of these, whole, by id."""
        if not ids:
            return {}
        shown = {from_hex(row.dead_letter_id): row for row in self.newest(len(ids), ids=ids)}
        rows = self._ch.query(
            "SELECT dead_letter_id, ifNull(key, ''), ifNull(payload, ''), mapKeys(headers), mapValues(headers), "
            "toUnixTimestamp64Milli(published_at) FROM dead_letters FINAL WHERE dead_letter_id IN {ids:Array(UInt64)}",
            {"ids": list(shown)},
            query_formats={"String": "bytes"},
        )
        letters = {}
        for one, key, payload, names, values, published in rows:
            headers = tuple((name.decode("utf-8", "replace"), value) for name, value in zip(names, values, strict=True))
            letters[one] = Letter(shown[one], key or None, payload or None, headers, published)
        return letters

    def replayed(self, replays: Sequence[Replay]) -> None:
        """Note that they were published again."""
        now = to_time(now_ms())
        newest = self._ch.scalar(
            "SELECT max(version) FROM replays WHERE dead_letter_id IN {ids:Array(UInt64)}",
            {"ids": [r.dead_letter_id for r in replays]},
        )
        rows = [
            (r.dead_letter_id, next_version(newest), r.listener, r.sighting_id, to_time(r.ended_at), now, None)
            for r in replays
        ]
        self._ch.insert("replays", COLUMNS, rows)

    def of_running_imports(self, ids: Sequence[int]) -> set[int]:
        """Those whose import has not ended: its rows are being counted."""
        rows = self._ch.query(
            "SELECT dead_letter_id FROM dead_letters FINAL WHERE dead_letter_id IN {ids:Array(UInt64)} "
            "AND import_id IN (SELECT import_id FROM imports FINAL WHERE state = 'running')",
            {"ids": list(ids)},
        )
        return {one for (one,) in rows}

    def settle(self) -> list[str]:
        """Mark as resolved what was published again and is stored now; their ids.

        The reports of their imports are counted anew. It may be repeated and run beside itself.
        """
        open_ = self._ch.query(
            "SELECT dead_letter_id, listener, sighting_id, ended_at, replayed_at, version FROM replays FINAL "
            "WHERE resolved_at IS NULL AND sighting_id != 0 ORDER BY dead_letter_id"
        )
        stored = self._stored([(listener, sighting, end) for _, listener, sighting, end, *_ in open_])
        done = [row for row in open_ if (row[1], row[2]) in stored]
        if not done:
            return []
        now, ids = to_time(now_ms()), [row[0] for row in done]
        self._ch.insert(
            "replays",
            COLUMNS,
            [(one, next_version(version), who, s, end, at, now) for one, who, s, end, at, version in done],
        )
        imports = self._ch.query(
            "SELECT DISTINCT import_id FROM dead_letters FINAL WHERE import_id != 0 "
            "AND dead_letter_id IN {ids:Array(UInt64)}",
            {"ids": ids},
        )
        for (import_id,) in imports:
            self._imports.recount(import_id)
        return [to_hex(one) for one in ids]

    def _stored(self, wanted: Sequence[tuple[int, int, Any]]) -> set[tuple[int, int]]:
        """(listener, sighting id) of those that are live sightings."""
        if not wanted:
            return set()
        rows = self._ch.query(
            "SELECT listener, sighting_id FROM sightings FINAL WHERE listener IN {listeners:Array(UInt64)} "
            "AND ended_at BETWEEN {first:DateTime64(3, 'UTC')} - {late:UInt32} "
            "AND {last:DateTime64(3, 'UTC')} + {late:UInt32} AND sighting_id IN {ids:Array(UInt64)}",
            {
                "listeners": sorted({listener for listener, _, _ in wanted}),
                "ids": [sighting for _, sighting, _ in wanted],
                "first": min(end for _, _, end in wanted),
                "last": max(end for _, _, end in wanted),
                "late": LATE_S,
            },
        )
        return {(listener, sighting) for listener, sighting in rows}


def _row(row: dict[str, Any]) -> DeadLetterRow:
    payload = row.pop("text").decode("utf-8", "replace")
    ids = {column: to_hex(row[column]) if row[column] else "" for column in ("listener", "import_id")}
    return DeadLetterRow(**{**row, **ids, "payload": payload})
