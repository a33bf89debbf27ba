"""Everything of one listener, gone from the disk's live parts, and a tombstone left behind.

Mutations and not marks: the rows are rewritten away, so no later merge, replay or setting can
bring them back. It may be run again after a crash at any point.
"""

from __future__ import annotations

from collections.abc import Mapping

from sinks.clickhouse import ClickHouse
from sinks.times import next_version
from streams.contracts.ids import to_hex

OF_LISTENER = "listener = {listener:UInt64}"
WHERE: Mapping[str, str] = {
    "plays": OF_LISTENER,
    "sightings": OF_LISTENER,
    "import_rows": OF_LISTENER,
    "playback": OF_LISTENER,
    "gaps": OF_LISTENER,
    "profiles": OF_LISTENER,
    # a record that could not be decoded says whose it is only by its key or its import
    "dead_letters": f"({OF_LISTENER} OR key = {{hex:String}} OR (import_id != 0 AND import_id IN ("
    f"SELECT import_id FROM imports WHERE {OF_LISTENER})))",
    "imports": OF_LISTENER,
    "connections": OF_LISTENER,
    "api_tokens": OF_LISTENER,
    "commands": f"{OF_LISTENER} AND kind != 'erase'",  # the erasure itself stays visible
}


def erase_listener(ch: ClickHouse, listener: int) -> dict[str, int]:
    """Rows deleted by table, each row counted once. The settings row keeps only id and cut-off."""
    params = {"listener": listener, "hex": to_hex(listener)}
    counts: dict[str, int] = {}
    for table, where in WHERE.items():
        counts[table] = int(ch.scalar(f"SELECT count() FROM {table} FINAL WHERE {where}", params))
        if ch.scalar(f"SELECT count() FROM {table} WHERE {where}", params):
            ch.command(f"ALTER TABLE {table} DELETE WHERE {where} SETTINGS mutations_sync = 2", params)
    _leave_tombstone(ch, listener)
    return counts


def _leave_tombstone(ch: ClickHouse, listener: int) -> None:
    """Replace the settings by a row without name and account, then drop the older versions."""
    params = {"listener": listener}
    version = next_version(ch.scalar(f"SELECT max(version) FROM listeners WHERE {OF_LISTENER}", params))
    ch.command(
        "INSERT INTO listeners SELECT listener, {version:UInt64}, '', '', is_demo, created_at, zones, hemisphere, "
        "min_ms_played, count_incognito, finished_only, profile_sources, ifNull(erased_at, now64(3, 'UTC')) "
        "FROM listeners FINAL WHERE listener = {listener:UInt64}",
        {**params, "version": version},
    )
    ch.command(
        "ALTER TABLE listeners DELETE WHERE listener = {listener:UInt64} AND version < {version:UInt64} "
        "SETTINGS mutations_sync = 2",
        {**params, "version": version},
    )
