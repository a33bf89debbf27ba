"""One value of an export -> the value that an event can hold, or a sign that it can hold none.

Where a value cannot be read, a description takes its place ("text of 11 characters", an empty
list): the worker then refuses the field by its name, and nothing that stood there by mistake,
an address or a name, is published.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from streams.contracts.events import EARLIEST

LONGEST = 1100  # characters of a text that is too long and is refused: enough to be over every limit
_FARTHEST = 2**53  # a number beyond this is out of every range; kept small enough to be written

# control characters, direction overrides (they could reorder the page around a name)
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_REASON = re.compile(r"[A-Za-z0-9_-]{1,64}")

_PLATFORMS = (  # the first that is found inside the folded text decides
    ("web_player", "web"),
    ("webplayer", "web"),
    ("cast", "cast"),
    ("android", "android"),
    ("iphone", "ios"),
    ("ipad", "ios"),
    ("ipod", "ios"),
    ("windows", "windows"),
    ("os x", "macos"),
    ("osx", "macos"),
    ("macos", "macos"),
    ("linux", "linux"),
)


def describe(value: Any) -> Any:
    """What stands for a value that cannot be read: of another type than asked for, and quoting nothing."""
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, (list, dict)):
        return type(value)()
    return "number that cannot be read" if isinstance(value, float) else value


def clean(text: str) -> str:
    """A name without what could harm a terminal or a page; white space at its ends goes too."""
    return _UNWANTED.sub(" ", text).strip()[:LONGEST]


@lru_cache(maxsize=65_536)
def name(value: str) -> str:
    """`clean`, remembered: the same few thousand names fill an export."""
    return clean(value)


def text(value: Any) -> Any:
    """A text field: "" for null, a number as its digits (a title may be 1989), else a description."""
    if value is None:
        return ""
    if isinstance(value, str):
        return name(value) if len(value) <= LONGEST else clean(value)
    if type(value) is int:
        return str(_within(value))
    if isinstance(value, float):
        return str(value) if math.isfinite(value) else []
    return describe(value)


def whole(value: Any) -> Any:
    """A count such as `ms_played`: int, or None for null. Numbers as texts and as floats are taken."""
    if value is None or type(value) is int:
        return value if value is None else _within(value)
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, float) and math.isfinite(value):
        return _within(round(value))
    return describe(value)


def flag(value: Any) -> bool | None:
    """A yes or no that only informs: None where it cannot be told."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return bool(value) if value in (0, 1) else None
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return None


def moment(value: Any) -> Any:
    """A time -> Unix milliseconds UTC, or None for null. Texts without a zone are UTC.

    Numbers are seconds, or milliseconds where they are over 1e11.
    """
    if isinstance(value, str):
        stamp = value.strip().removesuffix(" UTC")
        time = _iso(stamp)
        if time is None:
            number = _number(stamp)
            return describe(value) if isinstance(number, str) else _from_epoch(number)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        return round(time.timestamp() * 1000)
    if type(value) is int:
        return value * 1000 if -(10**11) <= value <= 10**11 else _within(value)
    if isinstance(value, float) and math.isfinite(value):
        return _from_epoch(value)
    return describe(value)


def device_moment(value: Any) -> int | None:
    """`offline_timestamp` -> Unix milliseconds UTC; None where it says nothing (null, 0, before 2006)."""
    found = moment(value)
    return found if type(found) is int and found >= EARLIEST else None


def country(value: Any) -> str:
    """Two capital letters, or "" where unknown (Spotify writes ZZ for that)."""
    if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
        return ""
    return "" if value == "ZZ" else value.upper()


def reason(value: Any) -> str:
    """One of Spotify's words for why a play started or ended, or ""."""
    return value if isinstance(value, str) and _REASON.fullmatch(value) else ""


@lru_cache(maxsize=4_096)
def _family(platform: str) -> str:
    folded = platform.strip().lower()
    if not folded:
        return ""
    if folded.startswith("ios"):
        return "ios"
    return next((family for word, family in _PLATFORMS if word in folded), "other")


def platform_family(value: Any) -> str:
    """`Android OS 9 API 28 (samsung, SM-G960F)` -> `android`; device and version are dropped."""
    return _family(value) if isinstance(value, str) and len(value) <= LONGEST else ""


def _iso(stamp: str) -> datetime | None:
    if stamp.isdigit():  # a number: as ISO 8601, 1712122012345 would be an evening of 1712
        return None
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return None


def _within(value: int) -> int:
    return max(-_FARTHEST, min(value, _FARTHEST))


def _number(value: str) -> float | str:
    try:
        number = float(value) if len(value) < 32 else math.nan
    except ValueError:
        return value
    return number if math.isfinite(number) else value


def _from_epoch(value: float) -> int:
    return _within(round(value if abs(value) > 1e11 else value * 1000))
