"""What listeners hid, merged and undid: rows that the worker stamps on plays."""

from __future__ import annotations

from collections.abc import Sequence

from sinks.clickhouse import ClickHouse
from sinks.times import next_version, now_ms, to_time
from streams.contracts.ports import Correction

FIELDS = ("listener", "kind", "subject", "target", "ids", "keys", "label")
COLUMNS = (*FIELDS, "version", "is_deleted", "made_at")


class ClickHouseCorrections:
    """streams.contracts.ports.CorrectionStore on ClickHouse. Written by the worker that holds the listener."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def of(self, listener: int) -> Sequence[Correction]:
        """What a listener corrected, oldest first."""
        return corrections_of_all(self._ch, [listener])

    def put(self, corrections: Sequence[Correction]) -> None:
        """Add, or replace those of the same kind and subject."""
        self._write(corrections, is_deleted=0)

    def remove(self, corrections: Sequence[Correction]) -> None:
        """Take back."""
        self._write(corrections, is_deleted=1)

    def names_of(self, listener: int, uri: str) -> Sequence[tuple[str, str]]:
        """First artist and title, as given, of a listener's sightings of a track."""
        return [
            (artist, title)
            for artist, title in self._ch.query(
                "SELECT DISTINCT artist_names[1] AS artist, title FROM sightings FINAL "
                "WHERE listener = {listener:UInt64} AND uri = {uri:String} AND artist != '' AND title != '' "
                "ORDER BY artist, title",
                {"listener": listener, "uri": uri},
            )
        ]

    def drop_countries(self, listener: int) -> int:
        """Empty `country` in all rows of a listener's sightings and plays; of how many sightings.

        The rows are written again, each in its own version, and those that have a country are deleted: so
        not even a part that is not merged yet keeps one. In between readers see a row of the two, which
        differ in nothing else. It may be repeated after a crash at any point.
        """
        where, params = "listener = {listener:UInt64} AND country != ''", {"listener": listener}
        dropped = int(self._ch.scalar(f"SELECT count() FROM sightings FINAL WHERE {where}", params))
        for table in ("sightings", "plays"):
            if self._ch.scalar(f"SELECT count() FROM {table} WHERE {where}", params):
                # in a subquery: WHERE would see the replaced column, which is empty
                self._ch.command(
                    f"INSERT INTO {table} SELECT * REPLACE ('' AS country) FROM (SELECT * FROM {table} WHERE {where})",
                    params,
                )
                self._ch.command(f"ALTER TABLE {table} DELETE WHERE {where} SETTINGS mutations_sync = 2", params)
        return dropped

    def play_ids(self, listener: int, after: int, limit: int) -> Sequence[int]:
        """The first live play ids of a listener above `after`, ascending."""
        rows = self._ch.query(
            "SELECT play_id FROM plays FINAL WHERE listener = {listener:UInt64} AND play_id > {after:UInt64} "
            "ORDER BY play_id LIMIT {limit:UInt32}",
            {"listener": listener, "after": after, "limit": limit},
        )
        return [play_id for (play_id,) in rows]

    def _write(self, corrections: Sequence[Correction], *, is_deleted: int) -> None:
        if not corrections:
            return
        newest = self._ch.scalar(
            "SELECT max(version) FROM corrections WHERE listener = {listener:UInt64}",
            {"listener": corrections[0].listener},
        )
        version, now = next_version(newest), to_time(now_ms())
        self._ch.insert(
            "corrections",
            COLUMNS,
            [
                (c.listener, c.kind, c.subject, c.target, list(c.ids), list(c.keys), c.label, version, is_deleted, now)
                for c in corrections
            ],
        )


def corrections_of_all(ch: ClickHouse, listeners: Sequence[int]) -> list[Correction]:
    """What several listeners corrected, oldest first."""
    rows = ch.query(
        f"SELECT {', '.join(FIELDS)} FROM corrections FINAL WHERE listener IN {{listeners:Array(UInt64)}} "
        "ORDER BY listener, made_at, kind, subject",
        {"listeners": list(listeners)},
    )
    return [
        Correction(listener=r[0], kind=r[1], subject=r[2], target=r[3], ids=tuple(r[4]), keys=tuple(r[5]), label=r[6])
        for r in rows
    ]
