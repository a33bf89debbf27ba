"""A PlayStore and a Reference in memory: only for properties that run thousands of slices.

It keeps what ClickHouse's tables keep: the row of the highest version of each key, and removals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from streams.contracts.events import PlayRecorded
from streams.contracts.ports import CatalogArtist, ListenerSettings, Span, ZonePeriod
from streams.contracts.tables import DEAD_LETTERS, IMPORT_ROWS, PLAYBACK, PLAYS, SIGHTINGS
from streams.contracts.topics import Topic
from streams.pipeline import Pipeline
from tests.streams.worlds import NOW, records

Rows = dict[tuple[Any, ...], dict[str, Any]]


class Crash(Exception):
    """The process dies here."""


class MemoryStore:
    """streams.contracts.ports.PlayStore. Set `crash_before` to the name of a write to die there once."""

    def __init__(self) -> None:
        self.plays: Rows = {}
        self.sightings: Rows = {}
        self.import_rows: Rows = {}
        self.dead_letters: Rows = {}
        self.playback: Rows = {}
        self.crash_before = ""

    def newest_version(self) -> int:
        return max((row["version"] for rows in (self.plays, self.sightings) for row in rows.values()), default=0)

    def sightings_within(self, spans: Sequence[Span]) -> pa.Table:
        found = [
            row
            for row in self.sightings.values()
            if any(row["listener"] == span.listener and span.start <= row["ended_at"] <= span.end for span in spans)
        ]
        return pa.Table.from_pylist(found, schema=SIGHTINGS)

    def newest_ends(self, listeners: Collection[int]) -> Mapping[int, int]:
        return {
            listener: max(ends)
            for listener in listeners
            if (ends := [row["ended_at"] for row in self.sightings.values() if row["listener"] == listener])
        }

    def corrected_ends(self, listeners: Collection[int]) -> pa.Table:
        found = [
            row
            for row in self.sightings.values()
            if row["listener"] in listeners and row["ended_at"] != row["reported_end"]
        ]
        return pa.Table.from_pylist(found, schema=SIGHTINGS)

    def sightings_after(self, listener: int, after: int, limit: int) -> pa.Table:
        found = [row for row in self.sightings.values() if row["listener"] == listener and row["ended_at"] > after]
        found.sort(key=lambda row: (row["ended_at"], row["sighting_id"]))
        return pa.Table.from_pylist(found[:limit], schema=SIGHTINGS)

    def write_plays(self, plays: pa.Table) -> None:
        self._write("plays", plays, PLAYS, "listener", "play_id")

    def write_sightings(self, sightings: pa.Table, import_rows: pa.Table) -> None:
        self._write("import_rows", import_rows, IMPORT_ROWS, "listener", "import_id", "sighting_id")
        self._write("sightings", sightings, SIGHTINGS, "listener", "ended_at", "sighting_id")

    def write_dead_letters(self, dead_letters: pa.Table) -> None:
        self._write("dead_letters", dead_letters, DEAD_LETTERS, "dead_letter_id")

    def write_playback(self, playback: pa.Table) -> None:
        self._write("playback", playback, PLAYBACK, "listener")

    def keys_of(self, listener: int, topic: Topic, start: int, limit: int) -> Sequence[str]:
        return []  # it holds no library and no profile

    def erase(self, listener: int) -> Mapping[str, int]:
        deleted = {}
        for name in ("plays", "sightings"):
            rows: Rows = getattr(self, name)
            gone = [key for key, row in rows.items() if row["listener"] == listener]
            for key in gone:
                del rows[key]
            deleted[name] = len(gone)
        return deleted

    def live(self) -> dict[tuple[int, int], dict[str, Any]]:
        """Live plays by (listener, play id), without their version."""
        return {
            (row["listener"], row["play_id"]): {name: value for name, value in row.items() if name != "version"}
            for row in self.plays.values()
            if not row["is_deleted"]
        }

    def _write(self, name: str, table: pa.Table, schema: pa.Schema, *key: str) -> None:
        if self.crash_before == name:
            self.crash_before = ""
            raise Crash
        assert table.schema == schema
        kept: Rows = getattr(self, name)
        for row in plain(table):
            at = tuple(row[column] for column in key)
            if at not in kept or row.get("version", 0) >= kept[at].get("version", 0):
                kept[at] = row


def plain(table: pa.Table) -> list[dict[str, Any]]:
    """Rows with times as integers, as the events have them."""
    for number, kind in enumerate(table.schema.types):
        if pa.types.is_timestamp(kind):
            table = table.set_column(number, table.column_names[number], table.column(number).cast(pa.int64()))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


class MemoryReference:
    """streams.contracts.ports.Reference: every listener exists, but for the ids in `unknown`."""

    def __init__(self, *, erased: Mapping[int, int] | None = None, unknown: Collection[int] = ()) -> None:
        self.erased = dict(erased or {})
        self.unknown = set(unknown)
        self.zone = "Europe/Berlin"
        self.artists: dict[str, CatalogArtist] = {}

    def listeners(self, ids: Collection[int]) -> Mapping[int, ListenerSettings]:
        return {
            one: ListenerSettings(
                listener=one, name=f"l{one}", zones=(ZonePeriod(0, self.zone),), erased_at=self.erased.get(one)
            )
            for one in ids
            if one not in self.unknown
        }

    def artists_by_id(self, ids: Collection[str]) -> Mapping[str, CatalogArtist]:
        return {}

    def artists_by_name(self, folded: Collection[str]) -> Mapping[str, Sequence[CatalogArtist]]:
        return {name: [self.artists[name]] for name in folded if name in self.artists}

    def artists_of_tracks(self, uris: Collection[str]) -> Mapping[str, Sequence[str]]:
        return {}

    def forget(self, listener: int) -> None:
        pass


def at_once(events: Sequence[PlayRecorded]) -> dict[tuple[int, int], dict[str, Any]]:
    """The live plays of a store that got all the events in one slice."""
    store = MemoryStore()
    Pipeline(store, MemoryReference(), clock=lambda: NOW).run(records(events))
    return store.live()
