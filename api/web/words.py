"""How figures and times are written for people: filters of the templates, and the live line."""

from __future__ import annotations

from datetime import datetime, timedelta

from streams.metrics import Snapshot

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: float | None) -> str:
    """1234567 -> "1,234,567"; None -> "–"."""
    return "–" if value is None else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """0.934 -> "93%". Neither none nor all is claimed by rounding."""
    if share is None:
        return "–"
    if 0 < share < 0.01:
        return "<1%"
    return f"{min(99, round(share * 100)) if share < 1 else 100}%"


def fit(confidence: float) -> str:
    """In words how far nearer (0 to 1) a listener is to the persona than to the others: no figure of how true it is."""
    return "a clear fit" if confidence >= 0.9 else "a fair fit" if confidence >= 0.6 else "a loose fit"


def minutes(value: float) -> str:
    """Minutes of listening: "47 min", "5.2 h", "1,204 h"."""
    if value < 60:
        return f"{value:.0f} min"
    hours = value / 60
    return f"{hours:.1f} h" if hours < 10 else f"{hours:,.0f} h"


def local(at: datetime, offset_minutes: int | None) -> datetime:
    """A time in UTC as the listener's clock showed it."""
    return at + timedelta(minutes=offset_minutes or 0)


def clock(at: datetime, offset_minutes: int | None) -> str:
    """Hours and minutes by the listener's clock: 21:42."""
    return f"{local(at, offset_minutes):%H:%M}"


def day(at: datetime, offset_minutes: int | None, this_year: int) -> str:
    """Day and month by the listener's calendar, with the year where it is another: 3 Nov, 3 Nov 2024."""
    there = local(at, offset_minutes)
    return f"{there.day} {MONTHS[there.month - 1]}" + ("" if there.year == this_year else f" {there.year}")


def milliseconds(at: datetime) -> int:
    """Unix milliseconds, for scripts."""
    return round(at.timestamp() * 1000)


def initial(text: str) -> str:
    """The letter that stands in for a missing cover."""
    return text.strip()[:1].upper() or "♪"


def stat_words(stats: Snapshot) -> dict[str, str]:
    """The worker's figures that the page's foot shows, as words. What is not known is left out."""
    words = {"stored": number(stats.stored)}
    if stats.lag is not None:
        words["lag"] = number(stats.lag)
    if stats.p99 is not None:
        words["p99"] = f"{stats.p99 * 1000:,.0f} ms" if stats.p99 < 1 else f"{stats.p99:.1f} s"
    return words
