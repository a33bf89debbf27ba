"""Time zones: which names are good, when their offsets change, and where on the globe they lie.

Offsets come from zoneinfo (the host's tzdata, else the package's); countries and coordinates from the zone tables
of the `tzdata` package. Everything is read on first use and kept; nothing here knows a listener.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from streams.contracts.errors import UserError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROBE = 3 * 86_400  # seconds between looks at an offset: no zone ever changed it twice within that (tested)


class Offsets(NamedTuple):
    """Offsets from UTC over some years: `seconds[i]` holds from `changes[i - 1]` until `changes[i]`.

    `changes` are Unix seconds UTC, ascending; `seconds` has one more entry than `changes`.
    """

    changes: NDArray[np.int64]
    seconds: NDArray[np.int64]


def check_zone(name: str) -> str:
    """The name itself, if it is an IANA time zone that is known here. Raises UserError otherwise."""
    if name in _names():
        return name
    near = _suggest(name)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Give an IANA name, such as Europe/Berlin."
    raise UserError(f"{name[:64]!r} is not a time zone.", cure=hint)


@lru_cache(maxsize=4096)  # every zone over a few ranges of years, some 700 bytes each
def offsets(zone: str, first_year: int, last_year: int) -> Offsets:
    """The offsets of a zone from the start of `first_year` to the end of `last_year`, in UTC.

    Raises UserError for an unknown zone.
    """
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        check_zone(zone)
        raise
    start = int((datetime(first_year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    end = int((datetime(last_year + 1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    seconds = [_offset(info, start)]
    changes: list[int] = []
    at = start
    while at < end:
        until = min(at + _PROBE, end)
        now = _offset(info, until)
        if now != seconds[-1]:
            changes.append(_change_between(info, at, until))
            seconds.append(now)
        at = until
    return Offsets(np.array(changes, np.int64), np.array(seconds, np.int64))


class Place(NamedTuple):
    """A zone of a country, and the part of it that lives by it ("" where that is all of it)."""

    zone: str
    about: str


@lru_cache(maxsize=512)
def places_of(country: str) -> tuple[Place, ...]:
    """The zones of a country (ISO 3166, two capital letters), as zone.tab orders them; none for an unknown one."""
    found = []
    for line in _table("zone.tab"):
        fields = line.split("\t")
        if fields[0] == country and len(fields) >= 3:
            found.append(Place(fields[2], fields[3] if len(fields) > 3 else ""))
    return tuple(found)


@lru_cache(maxsize=512)
def country_name(country: str) -> str:
    """What tzdata's iso3166.tab calls a country (two capital letters); the letters where it does not know it."""
    rows = (line.split("\t") for line in _table("iso3166.tab"))
    return next((fields[1] for fields in rows if fields[0] == country and len(fields) > 1), country)


@lru_cache(maxsize=1024)
def country_of(zone: str) -> str:
    """The country that a zone lies in, two capital letters; "" for one that lies in none (UTC, Etc/*)."""
    return _countries().get(_resolved(zone, _countries()), "")


@lru_cache(maxsize=1024)
def hemisphere_of(zone: str) -> Literal["north", "south"]:
    """Where the zone's principal place lies. A zone without coordinates (UTC, Etc/*) counts as north."""
    latitudes = _latitudes()
    return "south" if latitudes.get(_resolved(zone, latitudes), "+").startswith("-") else "north"


def _resolved(zone: str, known: Mapping[str, str]) -> str:
    """The zone itself, or what it is an alias of, whichever the table knows; else where its aliases end."""
    links, seen = _links(), set[str]()
    while zone not in known and zone in links and zone not in seen:
        seen.add(zone)
        zone = links[zone]
    return zone


def _offset(info: ZoneInfo, second: int) -> int:
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(info).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _change_between(info: ZoneInfo, low: int, high: int) -> int:
    """The first second of (low, high] with the offset of `high`."""
    new = _offset(info, high)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(info, middle) == new:
            high = middle
        else:
            low = middle
    return high


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    # the package's list, for a host's own names ("localtime") mean another zone on another host
    lines = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return frozenset(lines) - {"Factory"}


def _suggest(name: str) -> list[str]:
    """Up to three zone names that a person may have meant: other case, a city alone, a slip of the keys."""
    wanted = re.sub(r"\s+", "_", name.strip()).casefold()[:64]
    folded = {zone.casefold(): zone for zone in sorted(_names())}
    if wanted in folded:
        return [folded[wanted]]
    cities = [zone for low, zone in folded.items() if wanted and low.rsplit("/", 1)[-1] == wanted]
    places = [low for low in folded if "/" in low]  # "CEST" is near to "EST", and not what was meant
    return (cities or [folded[low] for low in get_close_matches(wanted, places, n=2, cutoff=0.75)])[:3]


def _table(name: str) -> list[str]:
    """The lines of a file of the `tzdata` package."""
    return resources.files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8").splitlines()


@lru_cache(maxsize=1)
def _latitudes() -> dict[str, str]:
    """Zone name -> its latitude as ISO 6709 text ("+5230", "-3352"). zone.tab has the most names."""
    found: dict[str, str] = {}
    for name in ("zone1970.tab", "zone.tab"):
        for line in _table(name):
            fields = line.split("\t")
            if not line.startswith("#") and len(fields) >= 3:
                found[fields[2]] = fields[1]
    return found


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Zone name -> the country that it lies in, by zone.tab, which names each zone once."""
    rows = (line.split("\t") for line in _table("zone.tab") if not line.startswith("#"))
    return {fields[2]: fields[0] for fields in rows if len(fields) >= 3}


@lru_cache(maxsize=1)
def _links() -> dict[str, str]:
    """Alias -> the zone that it names ("US/Pacific" -> "America/Los_Angeles")."""
    links: dict[str, str] = {}
    for line in _table("tzdata.zi"):
        if line.startswith("L "):
            _, target, alias = line.split()
            links[alias] = target
    return links
