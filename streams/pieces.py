"""A listener's whole history, a piece at a time: each piece is whole components, so it is derived by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from streams.columns import conform, milliseconds
from streams.contracts.tables import SIGHTINGS
from streams.matching import WINDOW
from streams.neighbours import once

Fetch = Callable[[int, int], pa.Table]


def piece(fetch: Fetch, flying: Sequence[pa.Table], after: int, most: int) -> tuple[pa.Table, int | None]:
    """Sightings (schema SIGHTINGS) that end later than `after`, and the newest of their ends; None: there are no more.

    Ends are Unix milliseconds UTC. `fetch(after, limit)` is PlayStore.sightings_after of the
    listener, `flying` are sightings that it may not show yet. At most some `most` sightings, up to the last
    gap that no component reaches across; more only where there is no such gap among as many.
    """
    while True:
        stored = conform(fetch(after, most), SIGHTINGS)
        rows = once(pa.concat_tables([stored, *flying]))
        ends = milliseconds(rows["ended_at"])
        later = ends > after
        rows, ends = rows.filter(pa.array(later)), ends[later]
        if stored.num_rows < most:
            return rows, None
        gaps = np.flatnonzero(np.diff(ends // 1000) > WINDOW)
        gaps = gaps[ends[gaps + 1] <= milliseconds(stored["ended_at"])[-1]]
        if len(gaps):
            return rows.slice(0, int(gaps[-1]) + 1), int(ends[gaps[-1]])
        most *= 2
