"""The table `imports`, and the proof by queries of what became of an import's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sinks.clickhouse import ClickHouse
from sinks.times import next_version, now_ms, to_time
from streams.contracts.errors import SpotifireError, UserError
from streams.contracts.ids import to_hex
from streams.contracts.ports import Reconciliation

COLUMNS = (
    "listener", "import_id", "version", "state", "files", "started_at", "finished_at", "read", "published",
    "plays_before", "report",
)  # fmt: skip


class Imports:
    """streams.contracts.ports.ImportLedger on ClickHouse."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def start(self, listener: int, import_id: int, files: Sequence[str]) -> None:
        """Write the import's row (state running) and remember how many plays there are now."""
        row = (
            listener, import_id, next_version(), "running", list(files), to_time(now_ms()), None, 0, 0,
            self._plays(listener), "",
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
        held, tracks_new, stored, first, last = self._rows(listener, import_id)
        refused = self._refused(import_id)
        known = held - stored + repeats
        missing = read - stored - known - sum(refused.values())
        # no more than it brought itself: another import of the listener may run beside this one
        plays_new = min(tracks_new, max(0, self._plays(listener) - plays_before))
        report = Reconciliation(
            import_id=to_hex(import_id),
            read=read,
            stored=stored,
            known=known,
            refused=refused,
            plays_new=plays_new,
            plays_merged=max(0, tracks_new - plays_new),
            gaps_closed=self._close_gaps(listener, first, last) if held and not missing else 0,
            seconds=round(seconds, 3),
        )
        self._change(
            import_id,
            {
                "state": ("String", "failed" if missing else "done"),
                "read": ("UInt64", read),
                "finished_at": ("DateTime64(3, 'UTC')", to_time(now_ms())),
                "report": ("String", msgspec.json.encode(report).decode()),
            },
        )
        if missing:
            raise SpotifireError(
                f"Import {to_hex(import_id)} does not add up: of {read} rows read, {missing} are neither stored, "
                "known nor refused.",
                cure="Import the same files again: what is stored is not stored twice.",
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

    def _rows(self, listener: int, import_id: int) -> tuple[int, int, int, Any, Any]:
        """Sightings that it held, tracks that it was first to bring, sightings too, its first and last end."""
        rows = self._ch.query(
            "SELECT count(), countIf(import_id = {id:UInt64} AND kind = 'track'), countIf(import_id = {id:UInt64}), "
            "min(ended_at), max(ended_at) FROM sightings FINAL WHERE listener = {l:UInt64} AND sighting_id IN "
            "(SELECT sighting_id FROM import_rows FINAL WHERE listener = {l:UInt64} AND import_id = {id:UInt64})",
            {"l": listener, "id": import_id},
        )
        held, tracks, stored, first, last = rows[0]
        return int(held), int(tracks), int(stored), first, last

    def _refused(self, import_id: int) -> dict[str, int]:
        rows = self._ch.query(
            "SELECT reason, count() FROM dead_letters FINAL WHERE import_id = {id:UInt64} "
            "GROUP BY reason ORDER BY reason",
            {"id": import_id},
        )
        return dict(rows)

    def _close_gaps(self, listener: int, first: Any, last: Any) -> int:
        """Close the open gaps that lie wholly inside the import's time; how many."""
        params = {"l": listener, "first": first, "last": last, "now": to_time(now_ms()), "v": next_version()}
        covered = (
            "FROM gaps FINAL WHERE listener = {l:UInt64} AND closed_at IS NULL "
            "AND gap_start >= {first:DateTime64(3, 'UTC')} AND gap_end <= {last:DateTime64(3, 'UTC')}"
        )
        closed = int(self._ch.scalar(f"SELECT count() {covered}", params))
        if closed:
            self._ch.command(
                # in a subquery: WHERE would see the replaced column, which is not null
                "INSERT INTO gaps SELECT * REPLACE ({v:UInt64} AS version, "
                f"{{now:DateTime64(3, 'UTC')}} AS closed_at) FROM (SELECT * {covered})",
                params,
            )
        return closed

    def _change(self, import_id: int, values: dict[str, tuple[str, Any]]) -> None:
        """A newer row of the same import with some columns replaced; type and value by column."""
        changed = ", ".join(f"{{{column}:{kind}}} AS {column}" for column, (kind, _) in values.items())
        params = {column: value for column, (_, value) in values.items()}
        self._ch.command(
            f"INSERT INTO imports SELECT * REPLACE ({{version:UInt64}} AS version, {changed}) "
            "FROM imports FINAL WHERE import_id = {id:UInt64}",
            {**params, "version": next_version(), "id": import_id},
        )
