"""What became of an import's rows, counted by queries: stored, known, refused, and what is missing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from sinks.clickhouse import ClickHouse
from sinks.times import now_ms
from streams.contracts import codec
from streams.contracts.errors import OurFault, Refused, UnknownListener
from streams.contracts.events import PlayRecorded
from streams.contracts.ids import from_hex, sighting_id, to_hex
from streams.contracts.ports import Reconciliation

UNRESOLVED = "dead_letter_id NOT IN (SELECT dead_letter_id FROM replays FINAL WHERE resolved_at IS NOT NULL)"

# why a row can be refused that the codec takes, and whose bytes are kept: only these have a sighting's id
_ACCEPTED = frozenset({OurFault.reason, UnknownListener.reason})


class Counted(Struct, frozen=True):
    """What queries say of an import's rows. `tracks` are those of `stored` that are plays' sightings."""

    import_id: int
    read: int
    repeats: int
    held: int
    tracks: int
    stored: int
    refused: dict[str, int]
    first: Any  # ends of the first and the last sighting that it holds, without those of polls
    last: Any
    span: tuple[datetime, datetime]  # as those, of all of them

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
            first=self.span[0] if self.held else None,
            last=self.span[1] if self.held else None,
        )


def count(ch: ClickHouse, listener: int, import_id: int, read: int, repeats: int) -> Counted:
    """What became of so many rows read, of which `repeats` have an id that stood in the files before."""
    held, tracks, stored, first, last, span = rows_of(ch, listener, import_id)
    refused = _refused(ch, import_id)
    if repeats and not _ACCEPTED.isdisjoint(refused):
        repeats -= _refused_copies(ch, listener, import_id)
    return Counted(import_id, read, repeats, held, tracks, stored, refused, first, last, span)


def _refused_copies(ch: ClickHouse, listener: int, import_id: int) -> int:
    """Rows that say what another row of the import says, and were refused: they count there, and not as repeats.

    Of copies that were all refused one is no repeat of any.
    """
    payloads = ch.query(
        "SELECT payload FROM dead_letters FINAL WHERE import_id = {id:UInt64} "
        f"AND reason IN {{reasons:Array(String)}} AND {UNRESOLVED}",
        {"id": import_id, "reasons": sorted(_ACCEPTED)},
        column_formats={"payload": "bytes"},
    )
    refused = [said for (payload,) in payloads if (said := _sighting(payload or b""))]
    held = ch.scalar(
        "SELECT uniqExact(sighting_id) FROM import_rows FINAL WHERE listener = {l:UInt64} "
        "AND import_id = {id:UInt64} AND sighting_id IN {ids:Array(UInt64)}",
        {"l": listener, "id": import_id, "ids": sorted(set(refused))},
    )
    return len(refused) - (len(set(refused)) - int(held))


def rows_of(ch: ClickHouse, listener: int, import_id: int) -> tuple[int, int, int, Any, Any, tuple[datetime, datetime]]:
    """Sightings that it held, tracks that it was first to bring, sightings too, its first and last end.

    These are once without what polls saw, and once of all.
    """
    (found,) = ch.query(
        "SELECT count(), countIf(import_id = {id:UInt64} AND kind = 'track'), countIf(import_id = {id:UInt64}), "
        # an export of ours also brings back what polls saw, and these say nothing of the time between them
        "minIf(ended_at, source NOT IN ('spotify.recently-played', 'spotify.now-playing')), "
        "maxIf(ended_at, source NOT IN ('spotify.recently-played', 'spotify.now-playing')), "
        "min(ended_at), max(ended_at) "
        "FROM sightings FINAL WHERE listener = {l:UInt64} AND sighting_id IN "
        "(SELECT sighting_id FROM import_rows FINAL WHERE listener = {l:UInt64} AND import_id = {id:UInt64})",
        {"l": listener, "id": import_id},
    )
    held, tracks, stored, first, last, earliest, latest = found
    return int(held), int(tracks), int(stored), first, last, (earliest, latest)


def _refused(ch: ClickHouse, import_id: int) -> dict[str, int]:
    found = ch.query(
        f"SELECT reason, count() FROM dead_letters FINAL WHERE import_id = {{id:UInt64}} AND {UNRESOLVED} "
        "GROUP BY reason ORDER BY reason",
        {"id": import_id},
    )
    return dict(found)


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
