"""The table `imports`, its reports, and the undoing of an import.

Which sightings an import was the first to bring, which of its rows are refused and which gaps it
closed may change after it ended: another import is undone, a dead letter is published again and
stored. Then its report is counted anew, by the same queries (sinks/reconciling.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from sinks.clickhouse import ClickHouse
from sinks.erase import NOT_ERASED
from sinks.reconciling import count, rows_of
from sinks.times import next_version, now_ms, to_time
from streams.contracts.errors import SpotifireError, UserError
from streams.contracts.ids import to_hex
from streams.contracts.ports import Held, Reconciliation
from streams.contracts.tables import IMPORT_ROWS, SIGHTINGS

COLUMNS = (
    "listener", "import_id", "version", "state", "files", "left_out", "started_at", "finished_at", "read", "published",
    "plays_before", "repeats", "report",
)  # fmt: skip


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

        Call it when everything published has been committed by the worker; it may be repeated. Raises
        SpotifireError when read != stored + known + refused, after storing the report.
        """
        listener, plays_before = self._of(import_id)
        counted = count(self._ch, listener, import_id, read, repeats)
        # no more than it brought itself: another import of the listener may run beside this one
        plays_new = min(counted.tracks, max(0, self._plays(listener) - plays_before))
        if counted.held and not counted.missing:
            self._close_gaps(listener, import_id, counted.first, counted.last)
        report = counted.report(
            plays_new=plays_new, gaps_closed=self._closed_gaps(listener, import_id), seconds=round(seconds, 3)
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
        counted = count(self._ch, listener, import_id, read, repeats)
        more = counted.tracks - before.plays_new - before.plays_merged
        report = counted.report(
            plays_new=min(counted.tracks, max(0, before.plays_new + more)),
            gaps_closed=self._closed_gaps(listener, import_id),
            seconds=before.seconds,
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
            self.fail(
                import_id,
                "interrupted: the process ended; what it stored is kept. Import the same files again for the rest, "
                "or undo it",
            )
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
            held, _, _, first, last, _ = rows_of(self._ch, listener, other)
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

    def _close_gaps(self, listener: int, import_id: int, first: Any, last: Any) -> None:
        """Close the open gaps that lie wholly inside the import's time."""
        self._ch.command(
            # in a subquery: WHERE would see the replaced column, which is not null
            "INSERT INTO gaps SELECT * REPLACE (greatest({v:UInt64}, version + 1) AS version, "
            "{id:UInt64} AS closed_by, {now:DateTime64(3, 'UTC')} AS closed_at) FROM (SELECT * "
            "FROM gaps FINAL WHERE listener = {l:UInt64} AND closed_at IS NULL "
            "AND gap_start >= {first:DateTime64(3, 'UTC')} AND gap_end <= {last:DateTime64(3, 'UTC')})",
            {
                "l": listener,
                "id": import_id,
                "first": first,
                "last": last,
                "now": to_time(now_ms()),
                "v": next_version(),
            },
        )

    def _closed_gaps(self, listener: int, import_id: int) -> int:
        """How many gaps it closed."""
        return int(
            self._ch.scalar(
                "SELECT count() FROM gaps FINAL WHERE listener = {l:UInt64} AND closed_by = {id:UInt64}",
                {"l": listener, "id": import_id},
            )
        )

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


def _by_end(sightings: pa.Table) -> pa.Table:
    return sightings.sort_by([("ended_at", "ascending"), ("sighting_id", "ascending")])
