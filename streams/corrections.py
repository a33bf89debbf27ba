"""What a listener corrected, stamped on the columns of plays. Pure.

A correction names what stays when the grouping changes: a hidden play is known by every id that it
can have (each of its sightings gives it one, see identity.py), an artist by ids and folded names, a
track by URIs and folded artist and title. So it survives re-stamping, other sources and re-imports,
and readers pay nothing for it: `hidden` and `counts_as` are columns of `plays`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.columns import Column, Flags, Int64s, UInt64s, unsigned
from streams.contracts.ids import fold, from_hex, name_key
from streams.contracts.ports import Correction, Corrections, ListenerSettings
from streams.identity import Keys

Settings = Mapping[int, ListenerSettings]


def corrections_of(rows: Sequence[Correction]) -> Corrections | None:
    """The rows of one listener, oldest first, as plays are judged by them; None where there are none."""
    if not rows:
        return None
    by_kind: dict[str, list[Correction]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row)
    return Corrections(
        plays=frozenset(one for row in by_kind.get("play", ()) for one in row.ids),
        artists=frozenset(key for row in by_kind.get("artist", ()) for key in row.keys),
        tracks=frozenset(key for row in by_kind.get("track", ()) for key in row.keys),
        merged=_merged(by_kind.get("merge", ())),
        undone=frozenset(from_hex(row.subject) for row in by_kind.get("undo", ())),
        keeps_countries="country" not in by_kind,
    )


def _merged(rows: Sequence[Correction]) -> dict[str, str]:
    """Key -> the URI at the end of the chain: what counts as a track that was merged goes with it."""
    target_of = {row.subject: row.target for row in rows}
    merged: dict[str, str] = {}
    for row in rows:
        end, seen = row.target, {row.subject}
        while end in target_of and end not in seen:
            seen.add(end)
            end = target_of[end]
        merged |= dict.fromkeys((*row.keys, row.subject, row.target, end), end)
    return merged


def without_countries(sightings: pa.Table, settings: Settings) -> pa.Table:
    """Sightings (schema SIGHTINGS) with an empty `country` where their listener keeps none."""
    private = [who for who, one in settings.items() if one.corrections and not one.corrections.keeps_countries]
    if not private:
        return sightings
    kept = np.isin(unsigned(sightings["listener"]), np.fromiter(private, np.uint64, len(private)), invert=True)
    at = sightings.schema.get_field_index("country")
    countries = pc.if_else(pa.array(kept), sightings["country"], "")
    return sightings.set_column(at, sightings.schema.field(at), countries)


def hidden_plays(keys: Keys, play: Int64s, listeners: UInt64s, settings: Settings) -> Flags:
    """Which plays are hidden one by one. `listeners` are those of the plays, by their number in `play`."""
    hidden = np.zeros(len(listeners), np.bool_)
    for listener, corrections in _corrected(listeners, settings):
        if corrections.plays:
            ids = np.fromiter(corrections.plays, np.uint64, len(corrections.plays))
            hidden[play[(keys.listener == np.uint64(listener)) & np.isin(keys.candidate, ids)]] = True
    return hidden


def stamped(columns: Mapping[str, Column], settings: Settings) -> dict[str, pa.Array]:
    """The columns `hidden` and `counts_as` of schema PLAYS. `hidden` of `columns` are those of `hidden_plays`."""
    listeners = unsigned(columns["listener"])
    rows = len(listeners)
    given = columns.get("hidden")
    hidden = np.zeros(rows, np.bool_) if given is None else np.array(given)
    counts_as: list[str] | None = None
    for listener, corrections in _corrected(listeners, settings):
        if not (corrections.artists or corrections.tracks or corrections.merged):
            continue
        counts_as = counts_as or [""] * rows
        at = np.flatnonzero(listeners == np.uint64(listener))
        said = (columns[name].take(pa.array(at)).to_pylist() for name in ("uri", "title", "artist", "artist_id"))
        for row, uri, title, artist, artist_id in zip(at.tolist(), *said, strict=True):
            tracks = (uri, name_key(artist, title))
            hidden[row] |= artist_id in corrections.artists or fold(artist) in corrections.artists
            hidden[row] |= any(key in corrections.tracks for key in tracks)
            counts_as[row] = next((corrections.merged[key] for key in tracks if key in corrections.merged), "")
    return {"hidden": pa.array(hidden), "counts_as": pa.array(counts_as or [""] * rows, pa.string())}


def _corrected(listeners: UInt64s, settings: Settings) -> list[tuple[int, Corrections]]:
    present = set(np.unique(listeners).tolist()) if any(one.corrections for one in settings.values()) else set()
    return [(who, one.corrections) for who, one in settings.items() if one.corrections and who in present]
