"""The table `imports`, the proof by queries of what became of an import's rows, and its undoing.

Which sightings an import was the first to bring, which of its rows are refused and which gaps it
closed may change after it ended: another import is undone, a dead letter is published again and
stored. Then its report is counted anew, by the same queries (`recount`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from sinks.clickhouse import ClickHouse
from sinks.erase import NOT_ERASED
from sinks.times import next_version, now_ms, to_time
from streams.contracts import codec
from streams.contracts.errors import OurFault, Refused, SpotifireError, UnknownListener, UserError
from streams.contracts.events import PlayRecorded
from streams.contracts.ids import from_hex, sighting_id, to_hex
from streams.contracts.ports import Held, Reconciliation
from streams.contracts.tables import IMPORT_ROWS, SIGHTINGS

COLUMNS = (
    "listener", "import_id", "version", "state", "files", "left_out", "started_at", "finished_at", "read", "published",
    "plays_before", "repeats", "report",
)  # fmt: skip

UNRESOLVED = "dead_letter_id NOT IN (SELECT dead_letter_id FROM replays FINAL WHERE resolved_at IS NOT NULL)"

# why a row can be refused that the codec takes, and whose bytes are kept: only these have a sighting's id
_ACCEPTED = frozenset({OurFault.reason, UnknownListener.reason})


class _Counted(msgspec.Struct, frozen=True):
    """What queries say of an import's rows. `tracks` are those of `stored` that are plays' sightings."""

    import_id: int
    read: int
    repeats: int
    held: int
    tracks: int
    stored: int
    refused: dict[str, int]
    first: Any  # ends of the first and the last sighting that it holds
    last: Any

    @property
    def missing(self) -> int:
        """Rows that are neither stored, known nor refused."""
        return self.read - self.held - self.repeats - sum(self.refused.values())

    def report(self, *, plays_new: int, gaps_closed: int, seconds: float) -> Reconciliation:
        """As the table keeps it."""
        return Reconciliation(
            import_id=to_hex(self.import_id),
            read=self.read,
            stored=self.stored,
            known=self.held - self.stored + self.repeats,
            refused=self.refused,
            plays_new=plays_new,
            plays_merged=max(0, self.tracks - plays_new),
            gaps_closed=gaps_closed,
            seconds=seconds,
        )


class Imports:
    """streams.contracts.ports.ImportLedger and HeldImports on ClickHouse."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def start(
        self, listener: int, import_id: int, files: Sequence[str], left_out: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Write the import's row (state running) and remember how many plays there are now.

        `left_out`: files that are not read, and why.
        """
        row = (
            listener, import_id, next_version(), "running", list(files), list(left_out), to_time(now_ms()), None, 0, 0,
            self._plays(listener), 0, "",
        )  # fmt: skip
        self._ch.insert("imports", COLUMNS, [row])

    def progress(self, import_id: int, read: int, published: int) -> None:
        """Counters of the reader so far, for whoever watches."""
        self._change(import_id, {"read": ("UInt64", read), "published": ("UInt64", published)})

    def finish(self, import_id: int, read: int, repeats: int, seconds: float) -> Reconciliation:
        """Count by queries, store the report, return it. `repeats`: rows whose id stood in the files before.

        Call it when everything published has been committed by the worker. Raises SpotifireError
        when read != stored + known + refused, after storing the report.
        """
        listener, plays_before = self._of(import_id)
        counted = self._count(listener, import_id, read, repeats)
        # no more than it brought itself: another import of the listener may run beside this one
        plays_new = min(counted.tracks, max(0, self._plays(listener) - plays_before))
        closed = counted.held and not counted.missing
        report = counted.report(
            plays_new=plays_new,
            gaps_closed=self._close_gaps(listener, import_id, counted.first, counted.last) if closed else 0,
            seconds=round(seconds, 3),
        )
        self._change(
            import_id,
            {
                "state": ("String", "failed" if counted.missing else "done"),
                "read": ("UInt64", read),
                "repeats": ("UInt64", repeats),
                "finished_at": ("DateTime64(3, 'UTC')", to_time(now_ms())),
                "report": ("String", msgspec.json.encode(report).decode()),
            },
        )
        if counted.missing:
            raise SpotifireError(
                f"Import {to_hex(import_id)} does not add up: of {read} rows read, {counted.missing} are neither "
                "stored, known nor refused.",
                cure="Import the same files again: what is stored is not stored twice.",
            )
        return report

    def recount(self, import_id: int) -> Reconciliation | None:
        """Count a finished import's report anew, and store it; None where there is none to count.

        Rows that it is the first to bring now count as stored. Its new plays change by as many.
        """
        rows = self._ch.query(
            "SELECT listener, read, repeats, report FROM imports FINAL "
            "WHERE import_id = {id:UInt64} AND state IN ('done', 'failed') AND startsWith(report, '{')",
            {"id": import_id},
        )
        if not rows:
            return None
        listener, read, repeats, text = rows[0]
        before = msgspec.json.decode(text, type=Reconciliation)
        counted = self._count(listener, import_id, read, repeats)
        more = counted.tracks - before.plays_new - before.plays_merged
        gaps = self._ch.scalar(
            "SELECT count() FROM gaps FINAL WHERE listener = {l:UInt64} AND closed_by = {id:UInt64}",
            {"l": listener, "id": import_id},
        )
        report = counted.report(
            plays_new=min(counted.tracks, max(0, before.plays_new + more)), gaps_closed=gaps, seconds=before.seconds
        )
        state = "failed" if counted.missing else "done"
        self._change(
            import_id,
            {"state": ("String", state), "report": ("String", msgspec.json.encode(report).decode())},
        )
        return report

    def fail(self, import_id: int, why: str) -> None:
        """Mark it as failed, with the reason that a person reads."""
        finished = ("DateTime64(3, 'UTC')", to_time(now_ms()))
        self._change(import_id, {"state": ("String", "failed"), "finished_at": finished, "report": ("String", why)})

    def fail_interrupted(self) -> int:
        """Mark as failed what a process that ended left running; how many. For the start of a process."""
        running = self._ch.query("SELECT import_id FROM imports FINAL WHERE state = 'running'")
        for (import_id,) in running:
            self.fail(import_id, "interrupted: the process ended; import the same files again")
        return len(running)

    def _of(self, import_id: int) -> tuple[int, int]:
        rows = self._ch.query(
            "SELECT listener, plays_before FROM imports FINAL WHERE import_id = {id:UInt64}", {"id": import_id}
        )
        if not rows:
            raise UserError(f"There is no import {to_hex(import_id)}.", cure="See `spotifire imports list`.")
        return int(rows[0][0]), int(rows[0][1])

    def _plays(self, listener: int) -> int:
        return int(self._ch.scalar("SELECT count() FROM plays FINAL WHERE listener = {l:UInt64}", {"l": listener}))

    def held(self, listener: int, import_id: int, limit: int) -> Held:
        """The first rows, by end, that an import of this listener holds."""
        params = {"l": listener, "id": import_id, "limit": limit}
        rows = self._ch.query_arrow(
            f"SELECT {', '.join(IMPORT_ROWS.names)} FROM import_rows FINAL WHERE listener = {{l:UInt64}} "
            "AND import_id = {id:UInt64} ORDER BY ended_at, sighting_id LIMIT {limit:UInt32}",
            params,
        )
        if not rows.num_rows:
            return Held(IMPORT_ROWS.empty_table(), SIGHTINGS.empty_table(), {})
        rows = rows.cast(IMPORT_ROWS)
        ids = rows["sighting_id"].to_pylist()
        ends = rows["ended_at"].to_pylist()
        params |= {"ids": ids, "first": min(ends), "last": max(ends)}
        # without FINAL, which shows no removed row: one that a piece removed before a crash is told again
        sightings = self._ch.query_arrow(
            f"SELECT {', '.join(SIGHTINGS.names)} FROM sightings WHERE listener = {{l:UInt64}} "
            "AND ended_at BETWEEN {first:DateTime64(3, 'UTC')} AND {last:DateTime64(3, 'UTC')} "
            "AND sighting_id IN {ids:Array(UInt64)} ORDER BY version DESC LIMIT 1 BY sighting_id",
            params,
        )
        others = self._ch.query(
            "SELECT sighting_id, argMin(import_id, version) FROM import_rows FINAL WHERE listener = {l:UInt64} "
            "AND import_id != {id:UInt64} AND sighting_id IN {ids:Array(UInt64)} GROUP BY sighting_id",
            params,
        )
        found = sightings.cast(SIGHTINGS) if sightings.num_columns else SIGHTINGS.empty_table()
        return Held(rows, _by_end(found), dict(others))

    def close(self, listener: int, import_id: int) -> None:
        """Mark it as undone, once it holds nothing. It may be repeated.

        Its dead letters go, the gaps that it closed open again where no other import covers them, and
        the reports of the listener's other imports are counted anew.
        """
        params = {"l": listener, "id": import_id}
        if self._ch.scalar("SELECT count() FROM dead_letters WHERE import_id = {id:UInt64}", params):
            self._ch.command(
                "ALTER TABLE replays DELETE WHERE dead_letter_id IN "
                "(SELECT dead_letter_id FROM dead_letters WHERE import_id = {id:UInt64}) SETTINGS mutations_sync = 2",
                params,
            )
            self._ch.command(
                "ALTER TABLE dead_letters DELETE WHERE import_id = {id:UInt64} SETTINGS mutations_sync = 2", params
            )
        others = self._ch.query(
            "SELECT import_id, state FROM imports FINAL WHERE listener = {l:UInt64} AND import_id != {id:UInt64} "
            "AND state IN ('done', 'failed') ORDER BY started_at, import_id",
            params,
        )
        self._open_gaps(listener, import_id)
        for other, state in others:
            held, _, _, first, last = self._rows(listener, other)
            if held and state == "done":
                self._close_gaps(listener, other, first, last)
            self.recount(other)
        self._change(import_id, {"state": ("String", "undone")})

    def _open_gaps(self, listener: int, import_id: int) -> None:
        """Those that it closed, by its id, or, from before ids were noted, by the time at which it ended."""
        closed = (
            "FROM gaps FINAL WHERE listener = {l:UInt64} AND closed_at IS NOT NULL AND (closed_by = {id:UInt64} OR "
            "(closed_by = 0 AND closed_at BETWEEN (SELECT min(started_at) FROM imports FINAL WHERE import_id = "
            "{id:UInt64}) AND (SELECT max(finished_at) FROM imports FINAL WHERE import_id = {id:UInt64})))"
        )
        params = {"l": listener, "id": import_id, "v": next_version()}
        self._ch.command(
            "INSERT INTO gaps SELECT * REPLACE (greatest({v:UInt64}, version + 1) AS version, "
            f"NULL AS closed_at, 0 AS closed_by) FROM (SELECT * {closed})",
            params,
        )

    def _count(self, listener: int, import_id: int, read: int, repeats: int) -> _Counted:
        held, tracks, stored, first, last = self._rows(listener, import_id)
        refused = self._refused(import_id)
        if repeats and not _ACCEPTED.isdisjoint(refused):
            repeats -= self._refused_copies(listener, import_id)
        return _Counted(import_id, read, repeats, held, tracks, stored, refused, first, last)

    def _refused_copies(self, listener: int, import_id: int) -> int:
        """Rows that say what another row of the import says, and were refused: they count there, and not as repeats.

        Of copies that were all refused one is no repeat of any.
        """
        payloads = self._ch.query(
            "SELECT payload FROM dead_letters FINAL WHERE import_id = {id:UInt64} "
            f"AND reason IN {{reasons:Array(String)}} AND {UNRESOLVED}",
            {"id": import_id, "reasons": sorted(_ACCEPTED)},
            column_formats={"payload": "bytes"},
        )
        refused = [said for (payload,) in payloads if (said := _sighting(payload or b""))]
        held = self._ch.scalar(
            "SELECT uniqExact(sighting_id) FROM import_rows FINAL WHERE listener = {l:UInt64} "
            "AND import_id = {id:UInt64} AND sighting_id IN {ids:Array(UInt64)}",
            {"l": listener, "id": import_id, "ids": sorted(set(refused))},
        )
        return len(refused) - (len(set(refused)) - int(held))

    def _rows(self, listener: int, import_id: int) -> tuple[int, int, int, Any, Any]:
        """Sightings that it held, tracks that it was first to bring, sightings too, its first and last end."""
        rows = self._ch.query(
            "SELECT count(), countIf(import_id = {id:UInt64} AND kind = 'track'), countIf(import_id = {id:UInt64}), "
            # an export of ours also brings back what polls saw, and these say nothing of the time between them
            "minIf(ended_at, source NOT IN ('spotify.recently-played', 'spotify.now-playing')), "
            "maxIf(ended_at, source NOT IN ('spotify.recently-played', 'spotify.now-playing')) "
            "FROM sightings FINAL WHERE listener = {l:UInt64} AND sighting_id IN "
            "(SELECT sighting_id FROM import_rows FINAL WHERE listener = {l:UInt64} AND import_id = {id:UInt64})",
            {"l": listener, "id": import_id},
        )
        held, tracks, stored, first, last = rows[0]
        return int(held), int(tracks), int(stored), first, last

    def _refused(self, import_id: int) -> dict[str, int]:
        rows = self._ch.query(
            f"SELECT reason, count() FROM dead_letters FINAL WHERE import_id = {{id:UInt64}} AND {UNRESOLVED} "
            "GROUP BY reason ORDER BY reason",
            {"id": import_id},
        )
        return dict(rows)

    def _close_gaps(self, listener: int, import_id: int, first: Any, last: Any) -> int:
        """Close the open gaps that lie wholly inside the import's time; how many."""
        params = {
            "l": listener,
            "id": import_id,
            "first": first,
            "last": last,
            "now": to_time(now_ms()),
            "v": next_version(),
        }
        covered = (
            "FROM gaps FINAL WHERE listener = {l:UInt64} AND closed_at IS NULL "
            "AND gap_start >= {first:DateTime64(3, 'UTC')} AND gap_end <= {last:DateTime64(3, 'UTC')}"
        )
        closed = int(self._ch.scalar(f"SELECT count() {covered}", params))
        if closed:
            self._ch.command(
                # in a subquery: WHERE would see the replaced column, which is not null
                "INSERT INTO gaps SELECT * REPLACE (greatest({v:UInt64}, version + 1) AS version, "
                f"{{id:UInt64}} AS closed_by, {{now:DateTime64(3, 'UTC')}} AS closed_at) FROM (SELECT * {covered})",
                params,
            )
        return closed

    def _change(self, import_id: int, values: dict[str, tuple[str, Any]]) -> None:
        """A newer row of the same import with some columns replaced; type and value by column.

        Newer also where the clock of whoever wrote the last one is ahead: reader and worker both write.
        """
        changed = ", ".join(f"{{{column}:{kind}}} AS {column}" for column, (kind, _) in values.items())
        params = {column: value for column, (_, value) in values.items()}
        self._ch.command(
            f"INSERT INTO imports SELECT * REPLACE (greatest({{version:UInt64}}, version + 1) AS version, {changed}) "
            f"FROM imports FINAL WHERE import_id = {{id:UInt64}} AND listener {NOT_ERASED}",
            {**params, "version": next_version(), "id": import_id},
        )


def _sighting(payload: bytes) -> int:
    """The id of the sighting that a dead letter's bytes are, or 0."""
    try:
        event = codec.decode_value(PlayRecorded, payload, now=now_ms())
    except Refused:
        return 0
    artist = event.artists[0].name if event.artists else ""
    return sighting_id(
        from_hex(event.listener), event.source, event.reported_end, event.uri, artist, event.title, event.ms_played
    )


def _by_end(sightings: pa.Table) -> pa.Table:
    return sightings.sort_by([("ended_at", "ascending"), ("sighting_id", "ascending")])
