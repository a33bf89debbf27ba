"""The named reads: what the API, the command, the page and the jobs ask of ClickHouse.

Habits (what, when, how it changes) are those of sinks/reads; the rest is here. Everything is read
through FINAL, so a replayed event changes no figure. What counts is what the listener's own settings
say (v_counted_plays). A window is exact in local days, and a range of play ids spares reading the rest.
Raises StoreUnavailable, and UserError where it says so; an empty answer is an empty list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from sinks.clickhouse import ClickHouse
from sinks.freesql import run_free_sql
from sinks.listeners import Listeners
from sinks.reads.evolution import Evolution
from sinks.reads.library import Library
from sinks.reads.rhythm import Rhythm
from sinks.reads.taste import Taste
from sinks.rows import (
    CorrectionRow,
    Coverage,
    GapRow,
    HourRow,
    ImportRow,
    LeftOut,
    ListenerRow,
    Play,
    Playback,
    ProfileRow,
    RecordingRow,
    RefusedRows,
    Table,
    TopRow,
    Totals,
    ZoneRow,
)
from sinks.windows import Window, parse_window
from streams.contracts.ids import first_play_id_at, from_hex, to_hex
from streams.enrich.zones import hemisphere_of

__all__ = [
    "CorrectionRow", "Coverage", "GapRow", "HourRow", "ImportRow", "ListenerRow", "Play", "Playback", "ProfileRow",
    "Reader", "RecordingRow", "Table", "TopRow", "Totals", "ZoneRow",
]  # fmt: skip

PLAY = (
    "play_id", "ended_at", "started_at", "ms_played", "ms_played_is_estimate", "duration_ms", "uri", "title", "artist",
    "artist_names", "artist_id", "artist_is_guess", "album", "image_url", "local_date", "local_hour", "weekday",
    "utc_offset_minutes", "time_zone", "season", "genre", "subgenre", "skipped", "incognito", "counted", "hidden",
    "sources",
)  # fmt: skip

IMPORT = (
    "import_hex AS import_id, listener_hex AS listener, state, files, left_out, started_at, finished_at, read, "
    "published, report"
)

RECENT_DAYS = 30  # where the last plays are looked for first


class Reader(Taste, Rhythm, Evolution, Library):
    """Reads for one database; safe to share between threads."""

    def __init__(self, ch: ClickHouse) -> None:
        super().__init__(ch)
        self._listeners = Listeners(ch)

    def listeners(self) -> list[ListenerRow]:
        """Those not erased, by name."""
        return self._listeners.list()

    def listener(self, name_or_hex: str) -> ListenerRow:
        """By name or 16-digit id. Raises UserError where there is none."""
        return self._listeners.get(name_or_hex)

    def window(self, listener: ListenerRow, text: str) -> Window:
        """A window by the listener's own local day and hemisphere. Raises UserError."""
        hemisphere = listener.hemisphere or hemisphere_of(listener.zone)
        return parse_window(text, datetime.now(ZoneInfo(listener.zone)).date(), hemisphere)

    def recent(self, listener: int, limit: int = 50, before: str | None = None, *, hidden: bool = False) -> list[Play]:
        """The newest plays, counted or not, newest first; `before` is a play id, and is not returned.

        Hidden ones are left out unless asked for.
        """
        high = from_hex(before) if before else 2**64 - 1
        newest_ms = min((high >> 32) * 1000, int(datetime.now(UTC).timestamp() * 1000))
        near = first_play_id_at(newest_ms - RECENT_DAYS * 86_400_000)
        rows = self._recent(listener, near, high, limit, hidden)
        if len(rows) < limit and near:  # a lower bound spares most of the reading, where it is enough
            rows = self._recent(listener, 0, high, limit, hidden)
        return rows

    def now(self, listener: int) -> Playback | None:
        """What was last seen playing, or None where nothing ever was."""
        rows = self._ch.query_dicts(
            "SELECT observed_at, is_playing, uri, title, artist_names, album, image_url, progress_ms, duration_ms "
            "FROM v_playback WHERE listener = {listener:UInt64}",
            {"listener": listener},
        )
        return next((Playback(**{**row, "artist_names": tuple(row["artist_names"])}) for row in rows), None)

    def last_active(self) -> int | None:
        """The listener whose playback changed last, or None where nobody's ever did."""
        found: int | None = self._ch.scalar("SELECT listener FROM v_playback ORDER BY observed_at DESC LIMIT 1")
        return found

    def most_heard(self) -> int | None:
        """The listener with the most plays, about (rows that wait for a merge count too), or None."""
        sql = "SELECT listener FROM plays GROUP BY listener ORDER BY count() DESC, listener LIMIT 1"
        found: int | None = self._ch.scalar(sql)
        return found

    def imports(self, listener: int, limit: int = 100) -> list[ImportRow]:
        """Imports, newest first."""
        rows = self._ch.query_dicts(
            f"SELECT {IMPORT} FROM v_imports WHERE v_imports.listener = {{l:UInt64}} "
            "ORDER BY started_at DESC, import_id LIMIT {limit:UInt32}",
            {"l": listener, "limit": limit},
        )
        return [_import_row(row) for row in rows]

    def one_import(self, listener: int, import_id: str) -> ImportRow | None:
        """One import of this listener, or None."""
        rows = self._ch.query_dicts(
            f"SELECT {IMPORT} FROM v_imports WHERE v_imports.listener = {{l:UInt64}} "
            "AND v_imports.import_id = {id:UInt64}",
            {"l": listener, "id": from_hex(import_id)},
        )
        return next((_import_row(row) for row in rows), None)

    def refused_rows(self, import_id: str, places: int = 3) -> list[RefusedRows]:
        """What an import's rows are refused for, most first, and the first `places` where such rows stand."""
        rows = self._ch.query(
            "SELECT reason, count() AS rows, min(message), groupArray({places:UInt32})(origin) FROM "
            "(SELECT * FROM v_dead_letters WHERE import_id = {id:UInt64} AND resolved_at IS NULL "
            # by length first: row 9 stands before row 10
            "ORDER BY length(origin), origin) GROUP BY reason ORDER BY rows DESC, reason",
            {"id": from_hex(import_id), "places": places},
        )
        return [RefusedRows(reason, count, message, tuple(found)) for reason, count, message, found in rows]

    def corrections(self, listener: int) -> list[CorrectionRow]:
        """What is hidden and merged, newest first."""
        rows = self._ch.query(
            "SELECT kind, subject, target, label, made_at FROM v_corrections WHERE listener = {listener:UInt64} "
            "AND kind NOT IN ('undo', 'country') ORDER BY made_at DESC, kind, subject",
            {"listener": listener},
        )
        return [CorrectionRow(*row) for row in rows]

    def same_recordings(self, listener: int, limit: int = 100) -> list[RecordingRow]:
        """Tracks of different URIs that share an ISRC and do not count as one yet: what could be merged."""
        rows = self._ch.query(
            "SELECT isrc, groupArray(uri) AS uris, groupArray(title) AS titles, any(artist), sum(plays) AS plays FROM "
            "(SELECT isrc, uri, argMax(title, play_id) AS title, argMax(artist, play_id) AS artist, "
            "argMax(track_key, play_id) AS k, count() AS plays FROM v_plays "
            "WHERE listener = {listener:UInt64} AND isrc != '' AND uri != '' GROUP BY isrc, uri "
            "ORDER BY isrc, count() DESC, uri) "
            "GROUP BY isrc HAVING uniqExact(k) > 1 ORDER BY plays DESC, isrc LIMIT {limit:UInt32}",
            {"listener": listener, "limit": limit},
        )
        return [
            RecordingRow(isrc, artist, tuple(uris), tuple(titles), plays) for isrc, uris, titles, artist, plays in rows
        ]

    def gaps(self, listener: int, *, closed: bool = False) -> list[GapRow]:
        """Intervals in which plays may be missing, newest first; with `closed` those that were covered, too."""
        rows = self._ch.query(
            "SELECT source, gap_start, gap_end, closed_at FROM v_gaps WHERE listener = {listener:UInt64} "
            "AND ({closed:Bool} OR closed_at IS NULL) ORDER BY gap_start DESC, source",
            {"listener": listener, "closed": closed},
        )
        return [GapRow(*row) for row in rows]

    def profile(self, listener: int, window: Window | str) -> ProfileRow | None:
        """The newest profile of that window, or None where none was computed."""
        text = window if isinstance(window, str) else window.text
        rows = self._ch.query_dicts(
            "SELECT listener_hex AS listener, window, computed_at, plays, model_id, persona, confidence, reasons, "
            "features FROM v_profiles WHERE v_profiles.listener = {l:UInt64} AND window = {window:String}",
            {"l": listener, "window": text},
        )
        return next(
            (ProfileRow(**{**r, "persona": r["persona"] or None, "reasons": tuple(r["reasons"])}) for r in rows), None
        )

    def sql(self, query: str, limit: int = 1000) -> Table:
        """One SELECT that a person wrote: read-only, bounded, no secrets, no files. Raises UserError."""
        return run_free_sql(self._ch, query, limit)

    def _recent(self, listener: int, low: int, high: int, limit: int, hidden: bool) -> list[Play]:
        rows = self._ch.query(
            f"SELECT {', '.join(PLAY)} FROM v_judged_plays WHERE listener = {{listener:UInt64}} "
            "AND play_id >= {low:UInt64} AND play_id < {high:UInt64} AND ({hidden:Bool} OR NOT hidden) "
            "ORDER BY play_id DESC LIMIT {limit:UInt32}",
            {"listener": listener, "low": low, "high": high, "limit": limit, "hidden": hidden},
        )
        return [_play(dict(zip(PLAY, row, strict=True))) for row in rows]


def _play(row: dict[str, Any]) -> Play:
    lists = {"artist_names": tuple(row["artist_names"]), "sources": tuple(row["sources"])}
    return Play(**{**row, **lists, "play_id": to_hex(row["play_id"]), "counted": bool(row["counted"])})


def _import_row(row: dict[str, Any]) -> ImportRow:
    report = row.pop("report")
    decoded = msgspec.json.decode(report, type=dict) if report.startswith("{") else None
    files = tuple(row.pop("files"))
    pairs = (each.values() if isinstance(each, Mapping) else each for each in row.pop("left_out"))
    left_out = tuple(LeftOut(file, why) for file, why in pairs)
    return ImportRow(**row, files=files, left_out=left_out, report=decoded, reason="" if decoded else report)
