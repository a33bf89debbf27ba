"""Merged plays -> rows with local time, season, artist and genre.

Local time is that of the start; where the start is unknown, of the end minus the track's length,
else of the end. Reference data is looked up, nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams import corrections
from streams.columns import Column, Int64s, milliseconds, one_array, unsigned
from streams.contracts.ports import ListenerSettings, Reference
from streams.contracts.tables import PLAYS
from streams.enrich import artists, calendar


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
        **artists.link(
            one_array(plays["artist_names"]), one_array(plays["artist_ids"]), reference, one_array(plays["uri"])
        ).columns(),
        "version": pa.array(np.full(rows, version, np.uint64)),
        "is_deleted": pa.array(np.zeros(rows, np.uint8)),
    }
    columns |= corrections.stamped(columns, settings)
    return pa.table([columns[name] for name in PLAYS.names], schema=PLAYS)


def _moments(plays: Mapping[str, Column]) -> Int64s:
    """Unix milliseconds UTC at which a play's local time is taken."""
    started, ended = plays["started_at"].cast(pa.int64()), plays["ended_at"].cast(pa.int64())
    guessed = pc.subtract(ended, pc.fill_null(plays["duration_ms"], 0))
    return milliseconds(pc.coalesce(started, guessed))
