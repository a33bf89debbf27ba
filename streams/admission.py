"""Whose records are worked on: those of listeners who are there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from streams.columns import unsigned
from streams.contracts.errors import Erased, Refused, Undone, UnknownListener
from streams.contracts.ports import ListenerSettings
from streams.contracts.record import Record, Taken
from streams.decoding import Decoded
from streams.refusals import Refusal

NO_IMPORT = 0


def admitted(
    decoded: Decoded, records: Sequence[Taken], settings: Mapping[int, ListenerSettings]
) -> tuple[list[int], list[Refusal]]:
    """Which of the decoded sightings may go on, and why the others may not. `records` is the whole slice."""
    rows = decoded.sightings.num_rows
    distinct, which = np.unique(unsigned(decoded.sightings["listener"]), return_inverse=True)
    ours = [settings.get(listener) for listener in distinct.tolist()]
    doubtful = np.array([why_refused(one) is not None or _undid(one) for one in ours], np.bool_)[which]
    if not doubtful.any():
        return list(range(rows)), []
    imports = unsigned(decoded.sightings["import_id"])
    refused = {
        row: error
        for row in np.flatnonzero(doubtful).tolist()
        if (error := why_refused(ours[which[row]], int(imports[row])))
    }
    refusals = [Refusal(Record.of(records[decoded.rows[row]]), error) for row, error in refused.items()]
    return [row for row in range(rows) if row not in refused], refusals


def why_refused(settings: ListenerSettings | None, import_id: int = NO_IMPORT) -> Refused | None:
    """Why what an import published for this listener is refused, or None.

    Whatever comes for an erased listener is, also what was published after the erasure was asked
    for: a poller or an import may still have been at work.
    """
    if settings is None:
        return UnknownListener("nobody by that listener id is known")
    if settings.erased_at is not None:
        return Erased("its listener was erased")
    if settings.corrections is not None and import_id in settings.corrections.undone:
        return Undone("its import was undone")
    return None


def _undid(settings: ListenerSettings | None) -> bool:
    return settings is not None and settings.corrections is not None and bool(settings.corrections.undone)
