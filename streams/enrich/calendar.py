"""The listener's own clock: UTC instants -> local date, hour, weekday, offset and season, by columns.

Pure functions on numpy columns; no object a row. A listener's zone is the one of its history that
holds at that instant (travel is two entries), daylight saving time and all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from streams.contracts.ports import ListenerSettings, ZonePeriod
from streams.enrich.zones import check_zone, hemisphere_of, offsets

__all__ = ["SEASONS", "LocalTime", "check_zone", "local_time", "local_times"]

SEASONS = ("winter", "spring", "summer", "autumn")  # meteorological: December to February is a northern winter

_DAY = 86_400
_BITS = 44  # of an instant in milliseconds, until the year 2527, beside the number of its listener
_LAST = (1 << _BITS) - 1
_HALF = 1 << 40  # seconds; no instant lies farther from 1970
_NO_PERIOD = (ZonePeriod(0, "UTC"),)

Int64s = NDArray[np.int64]
Hemisphere = Literal["", "north", "south"]


class LocalTime(Struct, frozen=True):
    """Columns of one length, a row an instant."""

    local_date: NDArray[np.int32]  # days since 1970-01-01, in the listener's zone
    local_hour: NDArray[np.uint8]  # 0 to 23
    weekday: NDArray[np.uint8]  # 1 is Monday
    utc_offset_minutes: NDArray[np.int16]  # east of Greenwich is positive; rounded down
    time_zone: pa.StringArray
    season: pa.StringArray

    def columns(self) -> dict[str, pa.Array]:
        """The columns as the table `plays` takes them (streams/contracts/tables.py), by name."""
        return {
            "local_date": pa.array(self.local_date, pa.int32()).cast(pa.date32()),
            "local_hour": pa.array(self.local_hour, pa.uint8()),
            "weekday": pa.array(self.weekday, pa.uint8()),
            "utc_offset_minutes": pa.array(self.utc_offset_minutes, pa.int16()),
            "time_zone": self.time_zone,
            "season": self.season,
        }


def local_time(ms: Int64s, zones: Sequence[ZonePeriod], hemisphere: Hemisphere = "") -> LocalTime:
    """The local time of one listener's instants (`ms`: Unix milliseconds UTC, any order).

    `zones` ascend by start; before the first start the first zone holds, and none at all is UTC.
    `hemisphere` is the one that the listener set, else it follows from the zone. Raises UserError
    for an unknown zone.
    """
    periods = tuple(zones) or _NO_PERIOD
    return _stamp(ms, _period_of(ms, periods), [(period.zone, hemisphere) for period in periods])


def local_times(ms: Int64s, listeners: NDArray[np.uint64], settings: Mapping[int, ListenerSettings]) -> LocalTime:
    """As `local_time`, for rows of many listeners at once: `listeners[i]` played at `ms[i]`.

    Raises KeyError when a listener has no settings, UserError for an unknown zone.
    """
    encoded = pa.array(listeners, pa.uint64()).dictionary_encode()
    number: dict[tuple[str, Hemisphere], int] = {}
    keys: list[int] = []  # listener and start of every period, ascending
    held: list[int] = []  # the place of that period
    for index, listener in enumerate(encoded.dictionary.to_pylist()):
        known = settings[listener]
        periods = known.zones or _NO_PERIOD
        for period in periods:
            # before its first start, too, the first zone holds
            keys.append(index << _BITS | (0 if period is periods[0] else _within(period.starts)))
            held.append(number.setdefault((period.zone, known.hemisphere), len(number)))
    if len(keys) == 1:
        return _stamp(ms, np.zeros(len(ms), np.int64), list(number))
    which = encoded.indices.to_numpy().astype(np.int64)
    wanted = which << _BITS | np.clip(ms, 0, _LAST)
    at = np.searchsorted(np.array(keys, np.int64), wanted, side="right") - 1
    return _stamp(ms, np.array(held, np.int64)[at], list(number))


def _period_of(ms: Int64s, periods: Sequence[ZonePeriod]) -> Int64s:
    """Row by row the index of the period that holds."""
    if len(periods) == 1:
        return np.zeros(len(ms), np.int64)
    starts = np.array([period.starts for period in periods], np.int64)
    return np.maximum(np.searchsorted(starts, ms, side="right") - 1, 0)


def _stamp(ms: Int64s, codes: Int64s, places: Sequence[tuple[str, Hemisphere]]) -> LocalTime:
    """`codes` say for each row which of `places` (zone, the listener's own hemisphere) it was in."""
    held = np.flatnonzero(np.bincount(codes, minlength=len(places)))
    if len(held) < len(places):  # a zone that nobody was in need not even exist
        codes = np.searchsorted(held, codes)
        places = [places[place] for place in held.tolist()]
    utc = ms // 1000
    offset = _offsets_at(utc, codes, [zone for zone, _ in places])
    local = utc + offset
    days = local // _DAY
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12  # 0 is January
    south = np.array([(own or hemisphere_of(zone)) == "south" for zone, own in places], np.bool_)
    seasons = ((months + 1) // 3 + 2 * south[codes]) % 4
    return LocalTime(
        local_date=days.astype(np.int32),
        local_hour=((local - days * _DAY) // 3600).astype(np.uint8),
        weekday=((days + 3) % 7 + 1).astype(np.uint8),  # 1970-01-01 was a Thursday
        utc_offset_minutes=(offset // 60).astype(np.int16),
        time_zone=_texts(codes, [zone for zone, _ in places]),
        season=_texts(seasons, SEASONS),
    )


def _offsets_at(utc: Int64s, codes: Int64s, zones: Sequence[str]) -> Int64s:
    """Seconds east of UTC at each of these Unix seconds, in the zone that its code names."""
    if not len(utc):
        return np.zeros(0, np.int64)
    first, last = _year(int(utc.min())), _year(int(utc.max()))
    # whole decades, so that a live stream and an import ask for the same few ranges
    first, last = max(1, first // 10 * 10), min(9998, last // 10 * 10 + 9)
    tables = [offsets(zone, first, last) for zone in zones]
    if len(tables) == 1:
        alone: Int64s = tables[0].seconds[np.searchsorted(tables[0].changes, utc, side="right")]
        return alone
    # the tables of all zones in one, each with its zone in front: one search for all rows
    sizes = [len(table.seconds) for table in tables]
    keys = np.concatenate([np.append(-_HALF, table.changes) for table in tables])
    keys += np.repeat(np.arange(len(tables)) * 2 * _HALF, sizes)
    at = np.searchsorted(keys, utc + codes * (2 * _HALF), side="right") - 1
    seconds: Int64s = np.concatenate([table.seconds for table in tables])[at]
    return seconds


def _within(ms: int) -> int:
    """The instant, if it lies between 1970 and 2527, else the nearer end."""
    return min(max(ms, 0), _LAST)


def _year(second: int) -> int:
    return int(np.datetime64(second, "s").astype("datetime64[Y]").astype(np.int64)) + 1970


def _texts(codes: Int64s, values: Sequence[str]) -> pa.StringArray:
    if not len(codes):
        return pa.array([], pa.string())
    return pa.array(values, pa.string()).take(pa.array(codes, pa.int64()))
