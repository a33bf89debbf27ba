"""What collectors need to resume after a kill, asked of the rows themselves."""

from __future__ import annotations

from sinks.clickhouse import ClickHouse
from sinks.erase import NOT_ERASED
from sinks.times import next_version, to_ms_or_none, to_time

OF_SOURCE = "listener = {listener:UInt64} AND source = {source:String}"


class CollectedSightings:
    """streams.contracts.ports.Collected on ClickHouse."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch

    def newest_end(self, listener: int, source: str) -> int | None:
        """The newest `reported_end` of a live sighting of that source, Unix milliseconds UTC."""
        return to_ms_or_none(
            self._ch.scalar(
                f"SELECT maxOrNull(reported_end) FROM sightings FINAL WHERE {OF_SOURCE}",
                {"listener": listener, "source": source},
            )
        )

    def ids_since(self, listener: int, source: str, since: int) -> set[int]:
        """Ids of live sightings of that source with `reported_end` >= since."""
        rows = self._ch.query(
            f"SELECT sighting_id FROM sightings FINAL WHERE {OF_SOURCE} "
            "AND reported_end >= {since:DateTime64(3, 'UTC')}",
            {"listener": listener, "source": source, "since": to_time(since)},
        )
        return {sighting_id for (sighting_id,) in rows}

    def note_gap(self, listener: int, source: str, start: int, end: int) -> None:
        """Plays may be missing between start and end; noting it twice changes nothing, closed or open.

        Nothing is noted of a listener who was erased meanwhile.
        """
        params = {"listener": listener, "source": source, "start": to_time(start), "end": to_time(end)}
        self._ch.command(
            "INSERT INTO gaps (listener, source, gap_start, gap_end, version) "
            "SELECT {listener:UInt64}, {source:String}, {start:DateTime64(3, 'UTC')}, {end:DateTime64(3, 'UTC')}, "
            "{version:UInt64} WHERE NOT EXISTS (SELECT 1 FROM gaps WHERE " + OF_SOURCE + " "
            "AND gap_start = {start:DateTime64(3, 'UTC')} AND gap_end = {end:DateTime64(3, 'UTC')}) "
            f"AND {{listener:UInt64}} {NOT_ERASED}",
            {**params, "version": next_version()},
        )
