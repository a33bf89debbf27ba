"""A look at one list of a listener's library: stored, then published, then noted as done.

In that order: one that is cut off anywhere is made whole by the next look at the same list.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from producers.lasting import PublishesMany, publish_lasting, to_its_end
from streams.contracts.events import LibraryItem
from streams.contracts.ids import to_hex
from streams.contracts.ports import Library, LibraryEntry, Look, Shelf
from streams.contracts.topics import LIBRARY_ITEM

SHELVES = (
    Shelf("saved-track"),
    Shelf("followed-artist"),
    *(Shelf(kind, span) for kind in ("top-artist", "top-track") for span in ("short", "medium", "long")),
)


class Seen(Struct, frozen=True, kw_only=True):
    """What a look saw. `looked_at` and `whole_at` as in ports.Look; `whole` if these are the same look."""

    listed: Sequence[LibraryEntry]
    whole: bool
    looked_at: int
    whole_at: int
    total: int


async def synchronise(library: Library, publisher: PublishesMany, listener: int, shelf: Shelf, seen: Seen) -> int:
    """Make the stored list what was seen; how many changes were published.

    Raises StoreUnavailable and BrokerUnavailable; then it may be called again, or with a newer look.
    """
    changes = await to_its_end(
        partial(library.synchronise, listener, shelf, seen.listed, whole=seen.whole, looked_at=seen.looked_at)
    )
    events = [event_of(listener, shelf, entry, changes.version) for entry in changes.entries]
    published = await publish_lasting(publisher, LIBRARY_ITEM, events, library.erased)
    look = Look(looked_at=seen.looked_at, whole_at=seen.whole_at, total=seen.total, version=changes.version)
    await to_its_end(partial(library.looked, listener, shelf, look))
    return published


def event_of(listener: int, shelf: Shelf, entry: LibraryEntry, version: int) -> LibraryItem:
    """The event of a stored row."""
    return LibraryItem(
        listener=to_hex(listener),
        kind=shelf.kind,
        time_range=shelf.time_range,
        item=entry.item,
        seen_at=entry.seen_at,
        version=version,
        position=entry.position,
        title=entry.title,
        artist=entry.artist,
        artist_id=entry.artist_id,
        album=entry.album,
        image_url=entry.image_url,
        uri=entry.uri,
        isrc=entry.isrc,
        added_at=entry.added_at,
        removed_at=entry.removed_at,
    )
