"""The sightings of listeners -> the plays that they show. Pure: the same set gives the same plays.

    key        = the URI, and the folded artist and title: two sightings match when they share either
    second     = the end, cut to whole seconds
    component  = closure of: same listener, a shared key, ends at most 90 s apart
    in each component
      a unit     one source's own duplicates, sorted by (second, id): the same second, or less than 30 s
                 apart with the same `ms_played`, which is longer than the distance
      a cluster  a unit of the best-ranked source; each next source, by rank, is matched to the clusters
                 one to one without crossing: most pairs, then the least sum of distances, at most 90 s
                 from the cluster's anchor and with a shared key; what stays over becomes a cluster
    play id    = of the earliest member by (second, rank, id); clusters that come to the same id are one

Only sightings of kind `track` take part. The result depends on the set of sightings alone: not on
the order of arrival, on slices, on repeats. A component must be whole for that; streams/neighbours.py
sees to it.

What no rule can know. Two real plays of one track, each seen by another source only and ending
within 90 s, become one. Of five plays in a row of a 30 s track, seen by two sources that each miss
a fifth, 28 to 32% are counted wrong; seen by two complete sources, none. In mixed listening it is
2 to 3% of plays.

Components of one or two sightings are handled as columns, larger ones (loops, three sources) one by
one in streams/matching.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.columns import Flags, Int64s, UInt64s, first_texts, milliseconds, unsigned
from streams.contracts.ids import name_key, track_hash
from streams.contracts.sources import RANK
from streams.matching import APART, WINDOW, Member, cluster

NONE = -1  # the code of a key that a sighting does not have, and an `ms_played` that is unknown


@dataclass(frozen=True)
class Keys:
    """What the rule looks at, one entry a sighting.

    `uri` and `name` are codes, equal for equal keys within this process: 63 bits of Python's own
    hash of the text, so entries of several tables can be put together without their texts.
    """

    listener: UInt64s
    second: Int64s
    rank: Int64s
    sighting: UInt64s
    ms_played: Int64s
    uri: Int64s
    name: Int64s
    candidate: UInt64s  # the id of the play whose earliest sighting this one would be


def keys_of(tracks: pa.Table) -> Keys:
    """The keys of sightings (schema SIGHTINGS, kind `track` only), row by row."""
    second = milliseconds(tracks["ended_at"]) // 1000
    uri, uris = _codes(tracks["uri"])
    name, hashes = _names(tracks, uri, uris)
    sources = tracks["source"].combine_chunks().dictionary_encode()
    ranks = np.array([RANK.get(source, len(RANK)) for source in sources.dictionary.to_pylist()], np.int64)
    return Keys(
        listener=unsigned(tracks["listener"]),
        second=second,
        rank=ranks[sources.indices.to_numpy()],
        sighting=unsigned(tracks["sighting_id"]),
        ms_played=milliseconds(tracks["ms_played"]),
        uri=_hashes(uris)[uri],
        name=name,
        candidate=(second.astype(np.uint64) << np.uint64(32)) | hashes,
    )


def subset(keys: Keys, rows: Flags | Int64s) -> Keys:
    """The keys of some of the rows, by flag or by index."""
    return Keys(**{field.name: getattr(keys, field.name)[rows] for field in fields(Keys)})


def joined(several: Sequence[Keys]) -> Keys:
    """The keys of all of them, in their order."""
    return Keys(**{field.name: np.concatenate([getattr(one, field.name) for one in several]) for field in fields(Keys)})


def components(keys: Keys) -> Int64s:
    """Label of each sighting's component: the smallest row number in it."""
    labels = np.arange(len(keys.second))
    near = np.flatnonzero(_near_another(keys))
    if not len(near):
        return labels
    some = subset(keys, near)
    by_uri, by_name = _runs(some, some.uri), _runs(some, some.name)
    within = np.arange(len(near))
    while True:
        spread = _least(by_name, _least(by_uri, within))
        if np.array_equal(spread, within):
            labels[near] = near[within]
            return labels
        within = spread


def plays_of(keys: Keys, labels: Int64s) -> Int64s:
    """The play of each sighting, as a number from 0; `labels` are those of `components`."""
    if np.array_equal(labels, np.arange(len(labels))):
        return labels  # each is alone
    _, part, size = np.unique(labels, return_inverse=True, return_counts=True)
    play = part.astype(np.int64)  # the first play of a component has the component's number
    fresh = len(size)  # further plays of a component are numbered behind
    by_part = np.argsort(part, kind="stable")
    start = np.concatenate([[0], np.cumsum(size)])

    pairs = np.flatnonzero(size == 2)
    left, right = by_part[start[pairs]], by_part[start[pairs] + 1]
    apart = np.abs(keys.second[left] - keys.second[right])
    ms = keys.ms_played
    repeat = (apart == 0) | ((apart < APART) & (ms[left] == ms[right]) & (ms[left] != NONE) & (apart * 1000 < ms[left]))
    two = right[(keys.rank[left] == keys.rank[right]) & ~repeat]
    play[two] = np.arange(fresh, fresh + len(two))
    fresh += len(two)

    for number in np.flatnonzero(size > 2):
        rows = by_part[start[number] : start[number + 1]]
        for further, members in enumerate(cluster(_members(keys, rows))):
            if further:
                play[[member.row for member in members]] = fresh
                fresh += 1
    return np.unique(play, return_inverse=True)[1].astype(np.int64)


def play_ids(keys: Keys, play: Int64s) -> UInt64s:
    """The id of each play, by its number: the candidate of its earliest sighting."""
    order = np.lexsort((keys.sighting, keys.rank, keys.second, play))
    return keys.candidate[order[np.flatnonzero(np.diff(play[order], prepend=-1))]]


def superseded(keys: Keys, play: Int64s, ids: UInt64s) -> Int64s:
    """Rows whose candidate id is no play's of their listener, one row for each such id.

    A play that was live before has the candidate of one of its sightings as its id, so removing
    these removes whatever an earlier grouping, or a crash between two writes, left behind.
    """
    other = np.flatnonzero(keys.candidate != ids[play])
    if not len(other):
        return other
    listener = np.zeros(len(ids), np.uint64)
    listener[play] = keys.listener
    said, live = pair_codes((keys.listener[other], keys.candidate[other]), (listener, ids))
    gone, at = np.unique(said, return_index=True)
    return other[at[~np.isin(gone, live)]]


def pair_codes(*several: tuple[UInt64s, UInt64s]) -> list[Int64s]:
    """Columns of (listener, id) as numbers, equal for equal pairs."""
    listeners, listener = np.unique(np.concatenate([one for one, _ in several]), return_inverse=True)
    _, number = np.unique(np.concatenate([one for _, one in several]), return_inverse=True)
    codes = number * len(listeners) + listener
    return np.split(codes, np.cumsum([len(one) for one, _ in several])[:-1])


def _members(keys: Keys, rows: Int64s) -> list[Member]:
    fields = (keys.rank, keys.second, keys.sighting, keys.ms_played, keys.uri, keys.name, keys.candidate)
    columns = [field[rows].tolist() for field in fields]
    return [Member(*values) for values in zip(rows.tolist(), *columns, strict=True)]


def _codes(texts: pa.ChunkedArray) -> tuple[Int64s, list[str]]:
    encoded = pc.fill_null(texts, "").combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_numpy(zero_copy_only=False).tolist()


def _names(tracks: pa.Table, uri: Int64s, uris: list[str]) -> tuple[Int64s, UInt64s]:
    """Code of the folded artist and title (NONE without), and the 32 bits that name the track."""
    artist, artists = _codes(pa.chunked_array([first_texts(tracks["artist_names"])]))
    title, titles = _codes(tracks["title"])
    if not len(artist):
        return artist, np.empty(0, np.uint64)
    pairs, inverse = np.unique(artist * max(1, len(titles)) + title, return_inverse=True)
    artist, title = (part.tolist() for part in np.divmod(pairs, max(1, len(titles))))
    keys, track = zip(*map(_name, map(artists.__getitem__, artist), map(titles.__getitem__, title)), strict=True)
    names, hashes = _hashes(keys)[inverse], np.array(track, np.uint64)[inverse]
    for row in np.flatnonzero(names == NONE).tolist():
        hashes[row] = track_hash(uris[uri[row]], "", "")
    return names, hashes


@lru_cache(maxsize=32_768)
def _name(artist: str, title: str) -> tuple[str, int]:
    """The folded artist and title ("" without), and the 32 bits that name the track (0 without)."""
    key = name_key(artist, title)
    return key, track_hash("", artist, title) if key else 0


def _hashes(texts: Sequence[str]) -> Int64s:
    """The code of each text: NONE for ""."""
    codes = np.fromiter(map(hash, texts), np.int64, len(texts)) & np.int64(0x7FFF_FFFF_FFFF_FFFF)
    codes[codes == 0] = NONE  # Python's hash of "" is 0
    return codes


def _near_another(keys: Keys) -> Flags:
    """Which sightings have any other of their listener at most 90 s away; the rest are components alone."""
    order = np.lexsort((keys.second, keys.listener))
    listener, second = keys.listener[order], keys.second[order]
    close = (listener[1:] == listener[:-1]) & (np.diff(second) <= WINDOW)
    near = np.zeros(len(order), np.bool_)
    near[order[1:][close]] = True
    near[order[:-1][close]] = True
    return near


def _runs(keys: Keys, key: Int64s) -> Int64s:
    """Number of each sighting's run: one listener, one key, each end at most 90 s after the last."""
    order = np.lexsort((keys.second, key, keys.listener))
    listener, code, second = keys.listener[order], key[order], keys.second[order]
    breaks = np.ones(len(order), np.bool_)
    breaks[1:] = (
        (listener[1:] != listener[:-1]) | (code[1:] != code[:-1]) | (code[1:] == NONE) | (np.diff(second) > WINDOW)
    )
    runs = np.empty(len(order), np.int64)
    runs[order] = np.cumsum(breaks) - 1
    return runs


def _least(runs: Int64s, labels: Int64s) -> Int64s:
    """The smallest label in each run, back at every row of it."""
    least = np.full(len(labels), len(labels), np.int64)
    np.minimum.at(least, runs, labels)
    return least[runs]
