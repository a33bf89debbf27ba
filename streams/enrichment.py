"""Merged plays -> rows with local time, season, artist and genre, and the events that tell of them.

Local time is that of the start; where the start is unknown, of the end minus the track's length,
else of the end. Reference data is looked up, nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.columns import Column, Int64s, milliseconds, one_array, unsigned
from streams.contracts.events import PlayEnriched
from streams.contracts.ids import to_hex
from streams.contracts.ports import ListenerSettings, Reference
from streams.contracts.tables import PLAYS
from streams.enrich import artists, calendar

_TOLD = (
    "ended_at",
    "started_at",
    "ms_played",
    "uri",
    "title",
    "artist",
    "artist_id",
    "album",
    "image_url",
    "local_hour",
    "weekday",
    "utc_offset_minutes",
    "season",
    "genre",
    "subgenre",
)


def enriched(
    plays: Mapping[str, Column],
    settings: Mapping[int, ListenerSettings],
    reference: Reference,
    version: int,
) -> pa.Table:
    """Columns of streams.plays.merged -> rows of schema PLAYS, live, with that `version`."""
    listener = unsigned(plays["listener"])
    rows = len(listener)
    columns = {
        **plays,
        **calendar.local_times(_moments(plays), listener, settings).columns(),
        **artists.link(one_array(plays["artist_names"]), one_array(plays["artist_ids"]), reference).columns(),
        "version": pa.array(np.full(rows, version, np.uint64)),
        "is_deleted": pa.array(np.zeros(rows, np.uint8)),
    }
    return pa.table([columns[name] for name in PLAYS.names], schema=PLAYS)


def events_of(plays: pa.Table) -> list[PlayEnriched]:
    """One event for each live row (schema PLAYS)."""
    told = zip(*(_plain(plays[name]).to_pylist() for name in _TOLD), strict=True)
    dates = plays["local_date"].cast(pa.string()).to_pylist()
    ids = zip(*(plays[name].to_pylist() for name in ("listener", "play_id", "version")), strict=True)
    return [
        PlayEnriched(
            listener=to_hex(listener),
            play_id=to_hex(play_id),
            version=version,
            local_date=date,
            **dict(zip(_TOLD, values, strict=True)),
        )
        for (listener, play_id, version), date, values in zip(ids, dates, told, strict=True)
    ]


def removal_events(listeners: Collection[int], ids: Collection[int], version: int) -> list[PlayEnriched]:
    """One event for each play id that is no longer live."""
    return [
        PlayEnriched(listener=to_hex(listener), play_id=to_hex(play_id), version=version, removed=True)
        for listener, play_id in zip(listeners, ids, strict=True)
    ]


def _moments(plays: Mapping[str, Column]) -> Int64s:
    """Unix milliseconds UTC at which a play's local time is taken."""
    started, ended = plays["started_at"].cast(pa.int64()), plays["ended_at"].cast(pa.int64())
    guessed = pc.subtract(ended, pc.fill_null(plays["duration_ms"], 0))
    return milliseconds(pc.coalesce(started, guessed))


def _plain(column: Column) -> Column:
    return column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
