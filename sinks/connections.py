"""Listeners' connections to Spotify: the table that no reader's role can see."""

from __future__ import annotations

from collections.abc import Sequence

from sinks.clickhouse import ClickHouse
from sinks.times import next_version, to_ms_or_none, to_time_or_none
from streams.contracts.ports import Connection

FIELDS = "listener, client_id, client_secret, refresh_token, account_id, scope, granted_at, state, detail"
COLUMNS = (*FIELDS.split(", "), "version", "removed")


class ClickHouseConnections:
    """streams.contracts.ports.Connections on ClickHouse. Secrets arrive and stay encrypted."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def all(self) -> Sequence[Connection]:
        """Every connection, by listener."""
        return self._read("NOT removed", {})

    def get(self, listener: int) -> Connection | None:
        """One listener's connection."""
        found = self._read("NOT removed AND listener = {listener:UInt64}", {"listener": listener})
        return found[0] if found else None

    def put(self, connection: Connection) -> None:
        """Write it; the newest wins. Nothing is written of a listener who was erased meanwhile."""
        if not self._ch.scalar(
            "SELECT count() FROM listeners FINAL WHERE listener = {listener:UInt64} AND erased_at IS NOT NULL",
            {"listener": connection.listener},
        ):
            self._write(connection, removed=False)

    def remove(self, listener: int) -> None:
        """Disconnect: its secrets leave the disk at once, not at the next merge."""
        self._write(Connection(listener=listener, client_id="", client_secret="", refresh_token=""), removed=True)
        self._ch.command(
            "ALTER TABLE connections DELETE WHERE listener = {listener:UInt64} AND NOT removed "
            "SETTINGS mutations_sync = 2",
            {"listener": listener},
        )

    def _read(self, where: str, params: dict[str, int]) -> list[Connection]:
        rows = self._ch.query(f"SELECT {FIELDS} FROM connections FINAL WHERE {where} ORDER BY listener", params)
        return [
            Connection(
                listener=r[0],
                client_id=r[1],
                client_secret=r[2],
                refresh_token=r[3],
                account_id=r[4],
                scope=r[5],
                granted_at=to_ms_or_none(r[6]),
                state=r[7],
                detail=r[8],
            )
            for r in rows
        ]

    def _write(self, c: Connection, *, removed: bool) -> None:
        newest = self._ch.scalar(
            "SELECT max(version) FROM connections WHERE listener = {listener:UInt64}", {"listener": c.listener}
        )
        row = (
            c.listener, c.client_id, c.client_secret, c.refresh_token, c.account_id, c.scope,
            to_time_or_none(c.granted_at), c.state, c.detail, next_version(newest), removed,
        )  # fmt: skip
        self._ch.insert("connections", COLUMNS, [row])
