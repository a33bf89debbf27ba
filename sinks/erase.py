"""Everything of one listener, gone from the disk's live parts, and a tombstone left behind.

Mutations and not marks: the rows are rewritten away, so no later merge, replay or setting can
bring them back. It may be run again after a crash at any point.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import SimpleNamespace

from msgspec import Struct

from sinks.clickhouse import ClickHouse
from sinks.times import next_version
from streams.contracts.ids import to_hex
from streams.contracts.topics import LIBRARY_ITEM, LISTENER_PROFILE, Topic

OF_LISTENER = "listener = {listener:UInt64}"
# a record that could not be decoded says whose it is only by its key or its import
LETTERS = (
    f"({OF_LISTENER} OR key = {{hex:String}} OR (import_id != 0 AND import_id IN ("
    f"SELECT import_id FROM imports WHERE {OF_LISTENER})))"
)
WHERE: Mapping[str, str] = {
    "plays": OF_LISTENER,
    "sightings": OF_LISTENER,
    "import_rows": OF_LISTENER,
    "playback": OF_LISTENER,
    "gaps": OF_LISTENER,
    "profiles": OF_LISTENER,
    "corrections": OF_LISTENER,
    "listener_days": OF_LISTENER,
    "rollup_marks": OF_LISTENER,
    "travel": OF_LISTENER,
    "library_items": OF_LISTENER,
    "library_looks": OF_LISTENER,
    "measurements": OF_LISTENER,
    "replays": f"({OF_LISTENER} OR dead_letter_id IN (SELECT dead_letter_id FROM dead_letters WHERE {LETTERS}))",
    "dead_letters": LETTERS,
    "imports": OF_LISTENER,
    "connections": OF_LISTENER,
    "api_tokens": OF_LISTENER,
    "commands": f"{OF_LISTENER} AND kind != 'erase'",  # the erasure itself stays visible
}

# whose rows say which keys a topic may hold: the columns are called as the fields of the key
PUBLISHED: Mapping[Topic, str] = {LIBRARY_ITEM: "library_items", LISTENER_PROFILE: "profiles"}

ERASED = 1 << 58  # added to the version of an erased listener's row, and far above microseconds: no setting wins
NOT_ERASED = "NOT IN (SELECT listener FROM listeners FINAL WHERE erased_at IS NOT NULL)"


def erased_version(ch: ClickHouse, listener: int) -> int:
    """A version above all that the listener's row has, or gets by a change that read it before the erasure."""
    newest = ch.scalar(f"SELECT max(version) FROM listeners WHERE {OF_LISTENER}", {"listener": listener}) or 0
    return max(int(newest), next_version()) + ERASED


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


def keys_of(ch: ClickHouse, listener: int, topic: Topic, start: int, limit: int) -> list[str]:
    """The keys on a topic of PUBLISHED that rows of a listener have, in order, from number `start` on.

    Without FINAL: an item that was removed has a row, and an older window too. Nothing is deleted but by
    erasing, so those before `start` stay before it.
    """
    columns = ", ".join(f"`{name}`" for name in topic.key_fields if name != "listener")
    rows = ch.query_dicts(
        f"SELECT DISTINCT {columns} FROM {PUBLISHED[topic]} WHERE {OF_LISTENER} ORDER BY {columns} "
        "LIMIT {limit:UInt64} OFFSET {start:UInt64}",
        {"listener": listener, "limit": limit, "start": start},
    )
    return [topic.key_of(SimpleNamespace(listener=to_hex(listener), **row)) for row in rows]


def erased(ch: ClickHouse, listeners: Collection[int]) -> set[int]:
    """Who of them was erased, or is to be: the cut-off is set when it is asked for."""
    rows = ch.query(
        "SELECT listener FROM listeners FINAL WHERE listener IN {ids:Array(UInt64)} AND erased_at IS NOT NULL",
        {"ids": sorted(listeners)},
    )
    return {listener for (listener,) in rows}


class Held(Struct, frozen=True):
    """What a listener's id still stands for."""

    rows: dict[str, int]  # live rows by table, the erasure itself not counted
    erased_at: datetime | None
    refused: int  # records that came again since, and were not stored


def held(ch: ClickHouse, listener: int) -> Held:
    """What is stored of a listener now, erased or not. An erased one's refused records hold nothing of theirs."""
    params = {"listener": listener, "hex": to_hex(listener)}
    known = ch.query(f"SELECT erased_at FROM listeners FINAL WHERE {OF_LISTENER}", params)
    erased_at = known[0][0] if known else None
    rows = {
        table: int(ch.scalar(f"SELECT count() FROM {table} FINAL WHERE {where}", params))
        for table, where in WHERE.items()
    }
    refused = 0
    if erased_at is not None:
        refused = int(
            ch.scalar(f"SELECT count() FROM dead_letters FINAL WHERE {LETTERS} AND reason = 'erased'", params)
        )
        rows["dead_letters"] -= refused
    return Held(rows, erased_at, refused)


def left_over(ch: ClickHouse) -> list[int]:
    """Erased listeners of whom rows were written since: by a job that had read them just before.

    Dead letters are not among them: what comes for an erased listener is counted, and holds nothing.
    """
    tables = [table for table in WHERE if table not in {"dead_letters", "replays", "commands"}]
    gone = "(SELECT listener FROM listeners FINAL WHERE erased_at IS NOT NULL AND name = '')"
    sql = " UNION DISTINCT ".join(f"SELECT listener FROM {table} WHERE listener IN {gone}" for table in tables)
    return sorted(listener for (listener,) in ch.query(sql))


def _leave_tombstone(ch: ClickHouse, listener: int) -> None:
    """Replace the settings by a row without name and account, then drop the older versions."""
    params = {"listener": listener}
    version = erased_version(ch, listener)
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
