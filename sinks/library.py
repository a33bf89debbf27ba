"""What listeners saved, follow and hear most: the tables `library_items` and `library_looks`.

A look at a list is stored before it is published, and noted (`looked`) after: one that was cut off
between the two publishes with the next look, whose rows have versions above the last that was noted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from sinks.clickhouse import ClickHouse
from sinks.erase import NOT_ERASED, erased
from sinks.times import next_version, to_ms, to_ms_or_none, to_time, to_time_or_none
from streams.contracts.ports import LibraryChanges, LibraryEntry, Look, Shelf

TEXTS = ("title", "artist", "artist_id", "album", "image_url", "uri", "isrc")
FIELDS = ("item", "position", *TEXTS, "added_at", "seen_at", "removed_at")
OF_SHELF = "listener = {listener:UInt64} AND kind = {kind:String} AND time_range = {time_range:String}"


class ClickHouseLibrary:
    """streams.contracts.ports.Library on ClickHouse."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def erased(self, listeners: Collection[int]) -> set[int]:
        """Who of them was erased, or is to be."""
        return erased(self._ch, listeners)

    def looks(self, listener: int) -> Mapping[Shelf, Look]:
        """Each list that was ever looked at."""
        rows = self._ch.query(
            "SELECT kind, time_range, looked_at, whole_at, total, version FROM library_looks FINAL "
            "WHERE listener = {listener:UInt64}",
            {"listener": listener},
        )
        return {
            Shelf(kind, time_range): Look(looked_at=to_ms(at), whole_at=to_ms(whole), total=total, version=version)
            for kind, time_range, at, whole, total, version in rows
        }

    def standing(self, listener: int, shelf: Shelf) -> Mapping[str, int | None]:
        """The items that stand in a list, and when each was added there."""
        rows = self._ch.query(
            f"SELECT item, added_at FROM library_items FINAL WHERE {OF_SHELF} AND removed_at IS NULL",
            _params(listener, shelf),
        )
        return {item: to_ms_or_none(added_at) for item, added_at in rows}

    def synchronise(
        self, listener: int, shelf: Shelf, listed: Sequence[LibraryEntry], *, whole: bool, looked_at: int
    ) -> LibraryChanges:
        """Store what differs from what is stored, in one insert (see the port)."""
        noted = self.looks(listener).get(shelf)
        rows = self._ch.query(
            f"SELECT {', '.join(FIELDS)}, version FROM library_items FINAL WHERE {OF_SHELF}", _params(listener, shelf)
        )
        stored = {row[0]: (_entry(row), row[-1]) for row in rows}
        newest = max([noted.version if noted else 0, *(version for _, version in stored.values())])
        changed = differing({item: entry for item, (entry, _) in stored.items()}, listed, whole, looked_at)
        if not self._may_write(listener):
            return LibraryChanges((), newest)
        version = self._put(listener, [(shelf, entry) for entry in changed], newest) if changed else newest
        after = {item: entry for item, (entry, at) in stored.items() if at > (noted.version if noted else 0)}
        after |= {entry.item: entry for entry in changed}
        return LibraryChanges(list(after.values()), version)

    def looked(self, listener: int, shelf: Shelf, look: Look) -> None:
        """Note a look once its changes are published."""
        self._ch.command(
            "INSERT INTO library_looks (listener, kind, time_range, looked_at, whole_at, total, version) "
            "SELECT {listener:UInt64}, {kind:String}, {time_range:String}, {looked_at:DateTime64(3, 'UTC')}, "
            "{whole_at:DateTime64(3, 'UTC')}, {total:UInt32}, {version:UInt64} "
            f"WHERE {{listener:UInt64}} {NOT_ERASED}",
            {
                **_params(listener, shelf),
                "looked_at": to_time(look.looked_at),
                "whole_at": to_time(look.whole_at),
                "total": look.total,
                "version": look.version,
            },
        )

    def restore(self, listener: int, entries: Sequence[tuple[Shelf, LibraryEntry]]) -> None:
        """Put back what an export holds; each list is looked at, and published, when its listener connects again."""
        if self._may_write(listener):
            self._put(listener, entries, 0)

    def _put(self, listener: int, entries: Sequence[tuple[Shelf, LibraryEntry]], newest: int) -> int:
        """One insert; the version of its rows, which is above `newest`."""
        version = next_version(newest)
        self._ch.insert(
            "library_items",
            ("listener", "kind", "time_range", *FIELDS, "version"),
            [(listener, shelf.kind, shelf.time_range, *_row(entry), version) for shelf, entry in entries],
        )
        return version

    def _may_write(self, listener: int) -> bool:
        """Whether the listener is not erased; what slips in behind it goes with erase.left_over."""
        return not self.erased([listener])


def differing(
    stored: Mapping[str, LibraryEntry], listed: Sequence[LibraryEntry], whole: bool, looked_at: int
) -> list[LibraryEntry]:
    """The rows to write: what is new, came back, is described otherwise, or is gone (only of a `whole` list).

    An unknown text or time takes nothing back that was known; of an item that is listed twice the
    first counts. `looked_at` is Unix milliseconds UTC.
    """
    changed = []
    seen: set[str] = set()
    for entry in listed:
        if entry.item in seen:
            continue
        seen.add(entry.item)
        before = stored.get(entry.item)
        after = msgspec.structs.replace(entry, seen_at=looked_at) if before is None else _merged(before, entry)
        if after != before:
            changed.append(after)
    if whole:
        changed += [
            msgspec.structs.replace(entry, removed_at=looked_at)
            for item, entry in stored.items()
            if item not in seen and entry.removed_at is None
        ]
    return changed


def _merged(before: LibraryEntry, now: LibraryEntry) -> LibraryEntry:
    texts = {name: getattr(now, name) or getattr(before, name) for name in TEXTS}
    added = before.added_at if now.added_at is None else now.added_at
    return msgspec.structs.replace(now, **texts, added_at=added, seen_at=before.seen_at, removed_at=None)


def _params(listener: int, shelf: Shelf) -> dict[str, int | str]:
    return {"listener": listener, "kind": shelf.kind, "time_range": shelf.time_range}


def _entry(row: Sequence[object]) -> LibraryEntry:
    found = dict(zip(FIELDS, row, strict=False))
    for name in ("added_at", "seen_at", "removed_at"):
        found[name] = to_ms_or_none(found[name])  # type: ignore[arg-type]
    return LibraryEntry(**found)  # type: ignore[arg-type]


def _row(entry: LibraryEntry) -> tuple[object, ...]:
    texts = (getattr(entry, name) for name in TEXTS)
    times = (to_time_or_none(entry.added_at), to_time(entry.seen_at), to_time_or_none(entry.removed_at))
    return (entry.item, entry.position, *texts, *times)
