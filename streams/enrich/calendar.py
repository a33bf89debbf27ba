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
_NO_PERIOD = (ZonePeriod(0, "UTC"),)

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


def local_time(ms: NDArray[np.int64], zones: Sequence[ZonePeriod], hemisphere: Hemisphere = "") -> LocalTime:
    """The local time of one listener's instants (`ms`: Unix milliseconds UTC, any order).

    `zones` ascend by start; before the first start the first zone holds, and none at all is UTC.
    `hemisphere` is the one that the listener set, else it follows from the zone. Raises UserError
    for an unknown zone.
    """
    periods = tuple(zones) or _NO_PERIOD
    return _stamp(ms, _period_of(ms, periods), [(period.zone, hemisphere) for period in periods])


def local_times(
    ms: NDArray[np.int64], listeners: NDArray[np.uint64], settings: Mapping[int, ListenerSettings]
) -> LocalTime:
    """As `local_time`, for rows of many listeners at once: `listeners[i]` played at `ms[i]`.

    Raises KeyError when a listener has no settings, UserError for an unknown zone.
    """
    places: list[tuple[str, Hemisphere]] = []
    number: dict[tuple[str, Hemisphere], int] = {}
    codes = np.zeros(len(ms), np.int64)
    ids, which = np.unique(listeners, return_inverse=True)
    order = np.argsort(which, kind="stable")
    ends = np.cumsum(np.bincount(which, minlength=len(ids))).tolist()
    start = 0
    for listener, end in zip(ids.tolist(), ends, strict=True):
        rows, start = order[start:end], end
        known = settings[listener]
        periods = known.zones or _NO_PERIOD
        for period in periods:
            place = (period.zone, known.hemisphere)
            if place not in number:
                number[place] = len(places)
                places.append(place)
        mine = np.array([number[period.zone, known.hemisphere] for period in periods], np.int64)
        codes[rows] = mine[_period_of(ms[rows], periods)]
    return _stamp(ms, codes, places)


def _period_of(ms: NDArray[np.int64], periods: Sequence[ZonePeriod]) -> NDArray[np.int64]:
    """Row by row the index of the period that holds."""
    if len(periods) == 1:
        return np.zeros(len(ms), np.int64)
    starts = np.array([period.starts for period in periods], np.int64)
    return np.maximum(np.searchsorted(starts, ms, side="right") - 1, 0)


def _stamp(ms: NDArray[np.int64], codes: NDArray[np.int64], places: Sequence[tuple[str, Hemisphere]]) -> LocalTime:
    """`codes` say for each row which of `places` (zone, the listener's own hemisphere) it was in."""
    utc = ms // 1000
    offset = np.zeros(len(ms), np.int64)
    present = np.unique(codes).tolist()
    for code in present:
        rows = slice(None) if len(present) == 1 else np.flatnonzero(codes == code)
        offset[rows] = _offsets_at(utc[rows], places[code][0])
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


def _offsets_at(utc: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Seconds east of UTC at each of these Unix seconds; not empty."""
    first, last = _year(int(utc.min())), _year(int(utc.max()))
    # whole decades, so that a live stream and an import ask for the same few ranges
    table = offsets(zone, max(1, first // 10 * 10), min(9998, last // 10 * 10 + 9))
    return table.seconds[np.searchsorted(table.changes, utc, side="right")]


def _year(second: int) -> int:
    return int(np.datetime64(second, "s").astype("datetime64[Y]").astype(np.int64)) + 1970


def _texts(codes: NDArray[np.int64], values: Sequence[str]) -> pa.StringArray:
    if not len(codes):
        return pa.array([], pa.string())
    return pa.array(values, pa.string()).take(pa.array(codes, pa.int64()))
