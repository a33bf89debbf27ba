"""Reference data for the worker, looked up by key through a bounded cache.

The cache is thrown away as soon as its table changed (one small query a call tells), so a time
zone that was edited or an artist that was imported a moment ago is what the next slice sees.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sinks.clickhouse import ClickHouse
from sinks.patience import Patience
from sinks.times import to_ms, to_ms_or_none
from streams.contracts.ports import CatalogArtist, ListenerSettings, ZonePeriod

K = TypeVar("K")
V = TypeVar("V")

BOUND = 200_000  # keys remembered by table and kind of look-up

ARTIST = "artist_id, folded_name, name, genre, subgenre, popularity"


class _Remembered(Generic[K, V]):
    """Answers by key, absent ones too, for as long as the table stays as it is."""

    def __init__(self, ch: ClickHouse, table: str, ask: Callable[[list[K]], Mapping[K, V]]) -> None:
        self._ch = ch
        self._stamp_sql = f"SELECT count(), max(version), sumWithOverflow(version) FROM {table}"
        self._ask = ask
        self._stamp: object = None
        self._answers: dict[K, V | None] = {}
        self._lock = threading.Lock()

    def get(self, keys: Collection[K]) -> dict[K, V]:
        """Answers for those keys that have one."""
        if not keys:
            return {}
        with self._lock:
            stamp = self._ch.query(self._stamp_sql)
            if stamp != self._stamp or len(self._answers) > BOUND:
                self._answers = {}
                self._stamp = stamp
            if unasked := [key for key in keys if key not in self._answers]:
                found = self._ask(unasked)
                self._answers.update({key: found.get(key) for key in unasked})
            answers = ((key, self._answers[key]) for key in keys)
            return {key: answer for key, answer in answers if answer is not None}


class ClickHouseReference:
    """streams.contracts.ports.Reference on ClickHouse; waits while ClickHouse is away."""

    def __init__(self, ch: ClickHouse, stopping: threading.Event) -> None:
        self._ch = ch
        self._patiently = Patience(stopping)
        self._listeners = _Remembered(ch, "listeners", self._ask_listeners)
        self._by_id = _Remembered(ch, "artists", self._ask_by_id)
        self._by_name = _Remembered(ch, "artists", self._ask_by_name)

    def listeners(self, ids: Collection[int]) -> Mapping[int, ListenerSettings]:
        """Settings of those that exist, the erased ones too; unknown ids are absent."""
        return self._patiently(lambda: self._listeners.get(ids))

    def artists_by_id(self, ids: Collection[str]) -> Mapping[str, CatalogArtist]:
        """By Spotify artist id; unknown ids are absent."""
        return self._patiently(lambda: self._by_id.get(ids))

    def artists_by_name(self, folded: Collection[str]) -> Mapping[str, Sequence[CatalogArtist]]:
        """By folded name, namesakes by popularity, best first."""
        return self._patiently(lambda: self._by_name.get(folded))

    def _ask_listeners(self, ids: list[int]) -> Mapping[int, ListenerSettings]:
        rows = self._ch.query(
            "SELECT listener, name, zones, hemisphere, is_demo, erased_at, min_ms_played, count_incognito, "
            "finished_only FROM listeners FINAL WHERE listener IN {ids:Array(UInt64)}",
            {"ids": ids},
        )
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
            )
            for row in rows
        }

    def _ask_by_id(self, ids: list[str]) -> Mapping[str, CatalogArtist]:
        rows = self._artists("artist_id IN {keys:Array(String)}", ids)
        return {artist.artist_id: artist for _, artist in rows}

    def _ask_by_name(self, folded: list[str]) -> Mapping[str, Sequence[CatalogArtist]]:
        namesakes: dict[str, list[CatalogArtist]] = {}
        for name, artist in self._artists("folded_name IN {keys:Array(String)}", folded):
            namesakes.setdefault(name, []).append(artist)
        for artists in namesakes.values():
            artists.sort(key=lambda a: (-(a.popularity if a.popularity is not None else -1), a.artist_id))
        return namesakes

    def _artists(self, where: str, keys: list[str]) -> list[tuple[str, CatalogArtist]]:
        """Of several sources' descriptions, the newest that knows a genre (as v_artists has it)."""
        rows = self._ch.query(
            f"SELECT {ARTIST} FROM artists FINAL WHERE {where} "
            "ORDER BY artist_id, genre = 'unknown', version DESC LIMIT 1 BY artist_id",
            {"keys": keys},
        )
        return [
            (folded, CatalogArtist(artist_id=id_, name=name, genre=genre, subgenre=subgenre, popularity=popularity))
            for id_, folded, name, genre, subgenre, popularity in rows
        ]


def zone_periods(zones: Sequence[Any]) -> tuple[ZonePeriod, ...]:
    """The column `zones` as the client returns it -> periods, ascending."""
    pairs = [tuple(zone.values()) if isinstance(zone, Mapping) else zone for zone in zones]
    return tuple(sorted((ZonePeriod(to_ms(starts), str(name)) for starts, name in pairs), key=lambda z: z.starts))
