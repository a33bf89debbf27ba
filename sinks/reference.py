"""Reference data for the worker, looked up by key through bounded caches.

At most once a second each cache asks what changed in its tables (sinks/changes.py) and drops those
keys only, so what was changed a moment ago is seen within a second, and with `forget` at once.
Memory is bounded, however large the catalogue is.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from sinks.bounded import Bounded
from sinks.changes import Changes
from sinks.clickhouse import ClickHouse
from sinks.corrections import corrections_of_all
from sinks.patience import Patience
from sinks.times import to_ms, to_ms_or_none
from streams.contracts.ports import CatalogArtist, Correction, Corrections, ListenerSettings, ZonePeriod
from streams.corrections import corrections_of

K = TypeVar("K")
V = TypeVar("V")

ENTRIES = 100_000  # kept in each cache
BYTES = 48 << 20  # the same, by estimate
FRESH_S = 1.0


class _Remembered(Generic[K, V]):
    """Answers by key, absent ones too, for as long as the rows of their tables stay as they are."""

    def __init__(
        self,
        tables: Sequence[Changes],
        ask: Callable[[list[K]], Mapping[K, V]],
        *,
        fresh_s: float,
        weigh: Callable[[K, V | None], int],
        keep: Callable[[V | None], bool] = lambda _: True,
    ) -> None:
        self._tables = tables
        self._ask = ask
        self._fresh_s = fresh_s
        self._keep = keep
        self._kept: Bounded[K, V | None] = Bounded(ENTRIES, BYTES, weigh)
        self._due = 0.0  # when to look for changes again, by the monotonic clock
        self._lock = threading.Lock()

    def get(self, keys: Collection[K]) -> dict[K, V]:
        """Answers for those keys that have one."""
        if not keys:
            return {}
        with self._lock:
            self._catch_up()
            found, unasked = self._kept.get(keys)
            if unasked:
                told = self._ask(unasked)
                fresh = [(key, told.get(key)) for key in unasked]
                self._kept.put((key, answer) for key, answer in fresh if self._keep(answer))
                found.update(fresh)
            return {key: answer for key, answer in found.items() if answer is not None}

    def look_again(self, key: K | None = None) -> None:
        """Ask for changes before the next answer, and anew for one key."""
        with self._lock:
            self._due = 0.0
            if key is not None:
                self._kept.drop(key)

    def _catch_up(self) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        for table in self._tables:
            rows = table.since_last()
            if rows is None:
                self._kept.clear()
            else:
                for (key,) in rows:
                    self._kept.drop(key)
        self._due = now + self._fresh_s


class _Described(NamedTuple):
    """An artist, and every folded name that some source gives it."""

    artist: CatalogArtist
    names: tuple[str, ...]


class ClickHouseReference:
    """streams.contracts.ports.Reference on ClickHouse; waits while ClickHouse is away.

    Answers are at most `fresh_s` seconds old, whatever the clocks of those who write.
    """

    def __init__(self, ch: ClickHouse, stopping: threading.Event, *, fresh_s: float = FRESH_S) -> None:
        self._ch = ch
        self._patiently = Patience(stopping)
        self._listeners: _Remembered[int, ListenerSettings] = _Remembered(
            [Changes(ch, "listeners", ("listener",)), Changes(ch, "corrections", ("listener",))],
            self._ask_listeners,
            fresh_s=fresh_s,
            weigh=_weight_of_settings,
            # nobody's plays are refused from memory: they may have been added a moment ago
            keep=lambda settings: settings is not None and settings.erased_at is None,
        )
        self._by_id: _Remembered[str, _Described] = _Remembered(
            [Changes(ch, "artists", ("artist_id",))], self._ask_by_id, fresh_s=fresh_s, weigh=_weight_of_artist
        )
        self._ids: _Remembered[str, tuple[str, ...]] = _Remembered(
            [Changes(ch, "artists", ("folded_name",))], self._ask_ids, fresh_s=fresh_s, weigh=_weight_of_ids
        )
        self._tracks: _Remembered[str, tuple[str, ...]] = _Remembered(
            [Changes(ch, "track_artists", ("uri",))], self._ask_tracks, fresh_s=fresh_s, weigh=_weight_of_ids
        )

    def listeners(self, ids: Collection[int]) -> Mapping[int, ListenerSettings]:
        """Settings of those that exist, the erased ones too; unknown ids are absent."""
        return self._patiently(lambda: self._listeners.get(ids))

    def artists_by_id(self, ids: Collection[str]) -> Mapping[str, CatalogArtist]:
        """By Spotify artist id; unknown ids are absent."""
        found = self._patiently(lambda: self._by_id.get(ids))
        return {id_: described.artist for id_, described in found.items()}

    def artists_by_name(self, folded: Collection[str]) -> Mapping[str, Sequence[CatalogArtist]]:
        """By folded name, namesakes by popularity, best first."""
        ids = self._patiently(lambda: self._ids.get(folded))
        known = self._patiently(lambda: self._by_id.get({id_ for some in ids.values() for id_ in some}))
        answers: dict[str, Sequence[CatalogArtist]] = {}
        for name, some in ids.items():
            # a row that was replaced may still name an artist as it was called before
            artists = [known[id_].artist for id_ in some if id_ in known and name in known[id_].names]
            if len(artists) > 1:
                artists.sort(key=lambda a: (-(a.popularity if a.popularity is not None else -1), a.artist_id))
            if artists:
                answers[name] = artists
        return answers

    def artists_of_tracks(self, uris: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Artist ids of tracks, as polls said them; tracks that no poll saw are absent."""
        return self._patiently(lambda: self._tracks.get(uris))

    def forget(self, listener: int) -> None:
        """Answer from the tables as they are now: a command of this listener depends on it."""
        self._listeners.look_again(listener)
        for cache in (self._by_id, self._ids, self._tracks):
            cache.look_again()

    def _ask_listeners(self, ids: list[int]) -> Mapping[int, ListenerSettings]:
        rows = self._ch.query(
            "SELECT listener, name, zones, hemisphere, is_demo, erased_at, min_ms_played, count_incognito, "
            "finished_only FROM listeners FINAL WHERE listener IN {ids:Array(UInt64)}",
            {"ids": ids},
        )
        corrected: dict[int, list[Correction]] = {}
        for correction in corrections_of_all(self._ch, ids):
            corrected.setdefault(correction.listener, []).append(correction)
        return {
            row[0]: ListenerSettings(
                listener=row[0],
                name=row[1],
                zones=zone_periods(row[2]),
                hemisphere=row[3],
                is_demo=row[4],
                erased_at=to_ms_or_none(row[5]),
                min_ms_played=row[6],
                count_incognito=row[7],
                finished_only=row[8],
                corrections=corrections_of(corrected.get(row[0], ())),
            )
            for row in rows
        }

    def _ask_by_id(self, ids: list[str]) -> Mapping[str, _Described]:
        """Of several sources' descriptions, the newest that knows a genre (as v_artists has it)."""
        rows = self._ch.query(
            "SELECT artist_id, folded_name, name, genre, subgenre, popularity FROM artists FINAL "
            "WHERE artist_id IN {keys:Array(String)} ORDER BY artist_id, genre = 'unknown', version DESC",
            {"keys": ids},
        )
        return {id_: _described(list(group)) for id_, group in groupby(rows, itemgetter(0))}

    def _ask_ids(self, folded: list[str]) -> Mapping[str, tuple[str, ...]]:
        # without FINAL, which would keep it from the projection that is ordered by name; and the
        # table's Bloom filter would be asked first, in vain where the names are many
        rows = self._ch.query(
            "SELECT folded_name, groupUniqArray(artist_id) FROM artists "
            "WHERE folded_name IN {keys:Array(String)} GROUP BY folded_name",
            {"keys": folded},
            settings={"use_skip_indexes": 0},
        )
        return {name: tuple(ids) for name, ids in rows}

    def _ask_tracks(self, uris: list[str]) -> Mapping[str, tuple[str, ...]]:
        rows = self._ch.query(
            "SELECT uri, artist_ids FROM track_artists FINAL WHERE uri IN {keys:Array(String)}", {"keys": uris}
        )
        return {uri: tuple(ids) for uri, ids in rows}


def _described(rows: Sequence[tuple[Any, ...]]) -> _Described:
    """The rows of one artist, best first."""
    id_, _, name, genre, subgenre, popularity = rows[0]
    # a few thousand genre names are shared by millions of artists
    artist = CatalogArtist(
        artist_id=id_, name=name, genre=sys.intern(genre), subgenre=sys.intern(subgenre), popularity=popularity
    )
    return _Described(artist, tuple(dict.fromkeys(row[1] for row in rows)))


def _weight_of_artist(key: str, known: _Described | None) -> int:
    return _text(key) + (_text(known.artist.name) + 200 + _texts(known.names) if known is not None else 0)


def _weight_of_ids(key: str, ids: tuple[str, ...] | None) -> int:
    return _text(key) + _texts(ids or ())


def _weight_of_settings(_: int, known: ListenerSettings | None) -> int:
    if known is None:
        return 100
    corrected = known.corrections or Corrections()
    numbers = len(corrected.plays) + len(corrected.undone)
    texts = [*corrected.artists, *corrected.tracks, *corrected.merged, *corrected.merged.values()]
    return 600 + 150 * len(known.zones) + 100 * numbers + _texts(texts)


def _texts(texts: Iterable[str]) -> int:
    return 56 + sum(map(_text, texts))


def _text(text: str) -> int:
    """A string, and its place in a dictionary or tuple, in bytes, about."""
    return 150 + 2 * len(text)


def zone_periods(zones: Sequence[Any]) -> tuple[ZonePeriod, ...]:
    """The column `zones` as the client returns it -> periods, ascending."""
    pairs = [tuple(zone.values()) if isinstance(zone, Mapping) else zone for zone in zones]
    return tuple(sorted((ZonePeriod(to_ms(starts), str(name)) for starts, name in pairs), key=lambda z: z.starts))
