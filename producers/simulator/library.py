"""What simulated listeners saved and follow: it follows from what they play, and not quite.

Of the tracks they come back to they saved most, and some that they never played; they follow the
artists they hear, and some whom they dropped. The same listener and moment give the same library.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from producers.simulator.catalogue import DESCRIBED_AT, SimulatedArtist, Track
from producers.simulator.listeners import SimulatedListener
from streams.contracts.events import DAY, PlayRecorded, TimeRange
from streams.contracts.ports import LibraryEntry, Shelf

DAYS = 60  # of history that it is derived from
SPANS: Mapping[TimeRange, int] = {"short": 28, "medium": 182, "long": 365}
TOP = 50
AGAIN = 3  # plays that are not skipped, of a track that one comes back to
SAVES, FOLLOWS = 0.7, 0.8  # share of such tracks that are saved, and of the artists of such that are followed
UNHEARD = 15  # tracks that are saved and were not played in all that time
DROPPED_DAYS = 30


def library_of(
    listener: SimulatedListener, plays: Sequence[PlayRecorded], artists: Sequence[SimulatedArtist], until_ms: int
) -> Mapping[Shelf, list[LibraryEntry]]:
    """Each list of the library at `until_ms` (Unix milliseconds UTC), from the plays of the DAYS before."""
    tracks = {track.uri: track for artist in artists for track in artist.tracks}
    heard = [play for play in plays if not play.skipped]
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    by_track, by_artist = Counter[str](), Counter[str]()
    for play in heard:
        track = tracks[play.uri]
        first.setdefault(track.uri, play.reported_end)
        last[track.artist_id] = play.reported_end
        by_track[track.uri] += 1
        by_artist[track.artist_id] += 1
    chance = _chance(listener.listener)
    saved = {uri: first[uri] for uri, times in by_track.items() if times >= AGAIN and chance("save", uri) < SAVES}
    played = {play.uri for play in plays}
    unheard = sorted((uri for uri in tracks if uri not in played), key=lambda uri: chance("unheard", uri))[:UNHEARD]
    saved |= {uri: DESCRIBED_AT - int(chance("when", uri) * 600) * DAY for uri in unheard}
    dropped = {one for one, at in last.items() if by_artist[one] >= AGAIN and at < until_ms - DROPPED_DAYS * DAY}
    follow = {one for one, times in by_artist.items() if times >= AGAIN * 3 and chance("follow", one) < FOLLOWS}
    described = {artist.described.id: _artist(artist) for artist in artists}
    shelves: dict[Shelf, list[LibraryEntry]] = {
        Shelf("saved-track"): [
            _track(tracks[uri], added_at=at) for uri, at in sorted(saved.items(), key=lambda one: (-one[1], one[0]))
        ],
        Shelf("followed-artist"): [described[one] for one in sorted(follow | dropped)],
    }
    for span, days in SPANS.items():
        counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for play in heard:
            if play.reported_end > until_ms - days * DAY:
                counted["track"][play.uri] += 1
                counted["artist"][tracks[play.uri].artist_id] += 1
        shelves[Shelf("top-track", span)] = [
            _track(tracks[uri], position=place) for place, uri in enumerate(_most(counted["track"]), 1)
        ]
        shelves[Shelf("top-artist", span)] = [
            replace(described[one], position=place) for place, one in enumerate(_most(counted["artist"]), 1)
        ]
    return shelves


def _chance(listener: int) -> Callable[[str, str], float]:
    return lambda what, item: random.Random(f"{what} {listener} {item}").random()  # noqa: S311  a simulation


def _most(counted: Counter[str]) -> list[str]:
    return sorted(counted, key=lambda one: (-counted[one], one))[:TOP]


def _track(track: Track, *, added_at: int | None = None, position: int = 0) -> LibraryEntry:
    return LibraryEntry(
        item=track.uri.rpartition(":")[2],
        position=position,
        title=track.title,
        artist=track.artist,
        artist_id=track.artist_id,
        album=track.album,
        uri=track.uri,
        added_at=added_at,
    )


def _artist(artist: SimulatedArtist) -> LibraryEntry:
    one = artist.described
    return LibraryEntry(item=one.id, artist=one.name, artist_id=one.id, uri=f"spotify:artist:{one.id}")
