"""The named reads: what the API, the command, the page and the jobs ask of ClickHouse.

Everything is read through the views, which apply FINAL, so a replayed event changes no figure.
What counts is what the listener's own settings say (v_counted_plays). A window is exact in
local days, and a range of play ids spares reading the rest. Raises StoreUnavailable, and
UserError where it says so; an empty answer is an empty list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from sinks.clickhouse import ClickHouse
from sinks.freesql import run_free_sql
from sinks.listeners import Listeners
from sinks.rows import (
    Coverage,
    DeadLetterRow,
    GapRow,
    HourRow,
    ImportRow,
    ListenerRow,
    Play,
    Playback,
    ProfileRow,
    Table,
    TopRow,
    Totals,
    ZoneRow,
)
from sinks.windows import Window, parse_window
from streams.contracts.ids import first_play_id_at, from_hex, to_hex
from streams.enrich.zones import hemisphere_of

__all__ = [
    "Coverage", "DeadLetterRow", "GapRow", "HourRow", "ImportRow", "ListenerRow", "Play", "Playback", "ProfileRow",
    "Reader", "Table", "TopRow", "Totals", "ZoneRow",
]  # fmt: skip

By = Literal["plays", "minutes"]
Ranked = Literal["artists", "tracks", "albums", "genres"]

SCOPE = (
    "listener = {listener:UInt64} AND play_id >= {low:UInt64} AND play_id < {high:UInt64} "
    "AND local_date >= {first:Date} AND local_date <= {last:Date}"
)
MINUTES = "sum(ms_heard) / 60000"

# what is ranked: (key, its name, artist, uri); rows with an empty key are left out
RANKED: Mapping[Ranked, tuple[str, str, str, str]] = {
    "artists": ("artist_key", "artist", "''", "if(artist_id = '', '', concat('spotify:artist:', artist_id))"),
    "tracks": ("track_key", "title", "artist", "uri"),
    "albums": ("if(album = '', '', concat(artist_key, '\\x1f', lowerUTF8(album)))", "album", "artist", "album_uri"),
    "genres": ("if(genre = 'unknown', '', genre)", "genre", "''", "''"),
}

PLAY = (
    "play_id", "ended_at", "started_at", "ms_played", "ms_played_is_estimate", "duration_ms", "uri", "title", "artist",
    "artist_names", "artist_id", "artist_is_guess", "album", "image_url", "local_date", "local_hour", "weekday",
    "utc_offset_minutes", "time_zone", "season", "genre", "subgenre", "skipped", "incognito", "counted", "sources",
)  # fmt: skip

RECENT_DAYS = 30  # where the last plays are looked for first


class Reader:
    """Reads for one database; safe to share between threads."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch
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

    def recent(self, listener: int, limit: int = 50, before: str | None = None) -> list[Play]:
        """The newest plays, counted or not, newest first; `before` is a play id, and is not returned."""
        high = from_hex(before) if before else 2**64 - 1
        newest_ms = min((high >> 32) * 1000, int(datetime.now(UTC).timestamp() * 1000))
        near = first_play_id_at(newest_ms - RECENT_DAYS * 86_400_000)
        rows = self._recent(listener, near, high, limit)
        if len(rows) < limit and near:  # a lower bound spares most of the reading, where it is enough
            rows = self._recent(listener, 0, high, limit)
        return rows

    def top(self, listener: int, what: Ranked, window: Window, by: By = "plays", limit: int = 20) -> list[TopRow]:
        """A ranking, most first; plays without an artist, album or known genre are left out."""
        key, name, artist, uri = RANKED[what]
        image = "image_url" if what in {"tracks", "albums"} else "''"
        order = {"plays": "plays DESC, minutes DESC", "minutes": "minutes DESC, plays DESC"}[by]
        # k, n, a, u, i: other names than the result's, which an aggregate would see in their place
        rows = self._ch.query_dicts(
            "SELECT k AS key, argMax(n, play_id) AS name, argMax(a, play_id) AS artist, argMax(u, play_id) AS uri, "
            "argMax(i, (i != '', play_id)) AS image_url, count() AS plays, sum(ms_heard) / 60000 AS minutes, "
            "min(ended_at) AS first_at, max(ended_at) AS last_at "
            f"FROM (SELECT {key} AS k, {name} AS n, {artist} AS a, {uri} AS u, {image} AS i, play_id, "
            "ended_at, ms_heard "
            f"FROM v_counted_plays WHERE {SCOPE}) WHERE k != '' GROUP BY k "
            f"ORDER BY {order}, key LIMIT {{limit:UInt32}}",
            {**_scope(listener, window), "limit": limit},
        )
        return [TopRow(rank=n, **{**row, "minutes": round(row["minutes"], 2)}) for n, row in enumerate(rows, start=1)]

    def clock(self, listener: int, window: Window, by: By = "plays") -> list[HourRow]:
        """Always 24 rows, hours 0 to 23, from the stamped local hour; plays and minutes whatever `by` says."""
        rows = self._ch.query(
            f"SELECT local_hour, count(), {MINUTES} FROM v_counted_plays WHERE {SCOPE} GROUP BY local_hour",
            _scope(listener, window),
        )
        known = {hour: HourRow(hour, plays, round(minutes, 2)) for hour, plays, minutes in rows}
        return [known.get(hour, HourRow(hour, 0, 0.0)) for hour in range(24)]

    def totals(self, listener: int, window: Window) -> Totals:
        """Counted plays, minutes, different artists and tracks, days with a play, first and last end."""
        rows = self._ch.query(
            f"SELECT count(), {MINUTES}, uniqExactIf(artist_key, artist_key != ''), uniqExact(track_key), "
            f"uniqExact(local_date), minOrNull(ended_at), maxOrNull(ended_at) FROM v_counted_plays WHERE {SCOPE}",
            _scope(listener, window),
        )
        plays, minutes, artists, tracks, days, first, last = rows[0]
        return Totals(plays, round(minutes, 2), artists, tracks, days, first, last)

    def genre_coverage(self, listener: int, window: Window) -> Coverage:
        """Of how many counted plays the genre is known."""
        rows = self._ch.query(
            f"SELECT count(), countIf(genre NOT IN ('', 'unknown')) FROM v_counted_plays WHERE {SCOPE}",
            _scope(listener, window),
        )
        plays, known = rows[0]
        return Coverage(plays, known, round(known / plays, 4) if plays else 0.0)

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

    def imports(self, listener: int, limit: int = 100) -> list[ImportRow]:
        """Imports, newest first."""
        rows = self._ch.query_dicts(
            "SELECT import_hex AS import_id, listener_hex AS listener, state, files, started_at, finished_at, read, "
            "published, report FROM v_imports WHERE v_imports.listener = {l:UInt64} "
            "ORDER BY started_at DESC, import_id LIMIT {limit:UInt32}",
            {"l": listener, "limit": limit},
        )
        return [_import_row(row) for row in rows]

    def gaps(self, listener: int, *, closed: bool = False) -> list[GapRow]:
        """Intervals in which plays may be missing, newest first; with `closed` those that were covered, too."""
        rows = self._ch.query(
            "SELECT source, gap_start, gap_end, closed_at FROM v_gaps WHERE listener = {listener:UInt64} "
            "AND ({closed:Bool} OR closed_at IS NULL) ORDER BY gap_start DESC, source",
            {"listener": listener, "closed": closed},
        )
        return [GapRow(*row) for row in rows]

    def dead_letters(self, limit: int = 100, listener: int | None = None) -> list[DeadLetterRow]:
        """Refused records, newest first; of one listener, or of all."""
        rows = self._ch.query_dicts(
            "SELECT dead_letter_hex AS dead_letter_id, refused_at, reason, message, listener, import_id, origin, "
            "topic, partition, offset, ifNull(payload, '') AS text FROM v_dead_letters "
            "WHERE {listener:UInt64} IN (0, listener) ORDER BY refused_at DESC, dead_letter_id LIMIT {limit:UInt32}",
            {"listener": listener or 0, "limit": limit},
            column_formats={"text": "bytes"},
        )
        return [_dead_letter_row(row) for row in rows]

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

    def _recent(self, listener: int, low: int, high: int, limit: int) -> list[Play]:
        rows = self._ch.query(
            f"SELECT {', '.join(PLAY)} FROM v_judged_plays WHERE listener = {{listener:UInt64}} "
            "AND play_id >= {low:UInt64} AND play_id < {high:UInt64} ORDER BY play_id DESC LIMIT {limit:UInt32}",
            {"listener": listener, "low": low, "high": high, "limit": limit},
        )
        return [_play(dict(zip(PLAY, row, strict=True))) for row in rows]


def _scope(listener: int, window: Window) -> dict[str, Any]:
    low, high = window.play_ids()
    return {
        "listener": listener,
        "low": low,
        "high": high,
        "first": window.first or datetime(1970, 1, 1, tzinfo=UTC).date(),
        "last": window.last or (datetime.now(UTC) + timedelta(days=3)).date(),
    }


def _play(row: dict[str, Any]) -> Play:
    lists = {"artist_names": tuple(row["artist_names"]), "sources": tuple(row["sources"])}
    return Play(**{**row, **lists, "play_id": to_hex(row["play_id"]), "counted": bool(row["counted"])})


def _import_row(row: dict[str, Any]) -> ImportRow:
    report = row.pop("report")
    decoded = msgspec.json.decode(report, type=dict) if report.startswith("{") else None
    files = tuple(row.pop("files"))
    return ImportRow(**row, files=files, report=decoded, reason="" if decoded else report)


def _hex_or_empty(value: int) -> str:
    return to_hex(value) if value else ""


def _dead_letter_row(row: dict[str, Any]) -> DeadLetterRow:
    payload = row.pop("text").decode("utf-8", "replace")
    ids = {column: _hex_or_empty(row[column]) for column in ("listener", "import_id")}
    return DeadLetterRow(**{**row, **ids, "payload": payload})
