"""One day in the life of a simulated listener: sessions in local time, plays one after another."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from producers.simulator.catalogue import Track
from producers.simulator.listeners import COUNTRIES, SimulatedListener
from producers.simulator.taste import Taste
from streams.contracts.events import Artist, PlayRecorded

DAY_BEGINS = 5  # local hour: nobody is still at it then
HOUR = 3_600_000

_PLATFORMS = ("android", "android", "android", "ios", "ios", "windows", "macos", "web", "cast")


class Listening(Struct, frozen=True):
    """What all plays of one listener have in common."""

    listener: SimulatedListener
    taste: Taste
    listener_hex: str
    published_at: int  # Unix milliseconds UTC


class Around(NamedTuple):
    """The circumstances of a play."""

    reason_start: str
    platform: str
    country: str
    shuffle: bool
    incognito: bool


def local_days(listener: SimulatedListener, first_ms: int, last_ms: int) -> Iterator[date]:
    """The local dates whose plays can end between the two moments, Unix milliseconds UTC."""
    day = _local(first_ms, listener.zone_at(first_ms)).date() - timedelta(days=1)
    last = _local(last_ms, listener.zone_at(last_ms)).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def plays_of_day(listening: Listening, day: date) -> Iterator[PlayRecorded]:
    """Every play that begins on that local day, which runs from 5 h to 5 h, in order of time."""
    listener = listening.listener
    habits = listener.habits
    rng = random.Random(f"day {listener.listener} {day.toordinal()}")  # noqa: S311  a simulation
    if rng.random() >= habits.active_days:
        return
    begins, zone = _begins(listener, day)
    left = habits.plays_a_day * rng.lognormvariate(-0.03, 0.25)
    left = max(1, round(left * (habits.weekend if day.isoweekday() >= 6 else 1)))
    choice = listening.taste.day(day.toordinal(), rng)
    at = begins
    for start, length in _sessions(listening, rng, left):
        at = max(at + 60_000, begins + start)
        platform, country = rng.choice(_PLATFORMS), COUNTRIES.get(zone, "")
        shuffle, incognito = rng.random() < 0.4, rng.random() < 0.01
        reason = "clickrow"
        for _ in range(length):
            if at >= begins + 24 * HOUR:
                return
            track = choice.next()
            play = _play(listening, track, at, rng, Around(reason, platform, country, shuffle, incognito))
            yield play
            reason = play.reason_end
            at += (play.ms_played or 0) + int(rng.random() * 1_500)


def live_play(listening: Listening, track: Track, ended_at: int, rng: random.Random) -> PlayRecorded:
    """A play that ends at `ended_at`, Unix milliseconds UTC, as its history would have it."""
    country = COUNTRIES.get(listening.listener.zone_at(ended_at), "")
    play = _play(listening, track, 0, rng, Around("trackdone", rng.choice(_PLATFORMS), country, False, False))
    return replace(play, reported_end=ended_at, started_at=ended_at - (play.ms_played or 0))


def hour_weight(listener: SimulatedListener, ms: int) -> float:
    """How likely the listener is to play something at that moment, Unix milliseconds UTC."""
    return listener.habits.hours[_local(ms, listener.zone_at(ms)).hour] * listener.habits.plays_a_day


def _sessions(listening: Listening, rng: random.Random, plays: int) -> list[tuple[int, int]]:
    """(milliseconds after the day began, number of plays) of each session, in order."""
    habits = listening.listener.habits
    made = []
    while plays > 0:
        length = min(plays, 1 + int(rng.expovariate(1 / max(habits.session - 0.5, 0.5))))
        hour = rng.choices(range(24), weights=habits.hours)[0]
        made.append(((hour - DAY_BEGINS) % 24 * HOUR + int(rng.random() * HOUR), length))
        plays -= length
    return sorted(made)


def _play(
    listening: Listening,
    track: Track,
    started_at: int,
    rng: random.Random,
    around: Around,
) -> PlayRecorded:
    dice = rng.random()
    skipped = dice < listening.listener.habits.skips
    if skipped:
        played = 1_500 + int(rng.random() * 26_000)
    elif dice > 0.985:  # interrupted: the door bell
        played = 30_000 + int(rng.random() * (track.duration_ms - 30_000))
    else:
        played = track.duration_ms
    ended = started_at + played
    return PlayRecorded(
        listener=listening.listener_hex,
        source="simulator",
        reported_end=ended,
        published_at=listening.published_at,
        started_at=started_at,
        ms_played=played,
        duration_ms=track.duration_ms,
        uri=track.uri,
        title=track.title,
        artists=(Artist(track.artist, track.artist_id),),
        album=track.album,
        album_uri=track.album_uri,
        country=around.country,
        platform=around.platform,
        reason_start=around.reason_start,
        reason_end="fwdbtn" if skipped else "endplay" if dice > 0.985 else "trackdone",
        shuffle=around.shuffle,
        skipped=skipped,
        offline=False,
        incognito=around.incognito,
    )


def _begins(listener: SimulatedListener, day: date) -> tuple[int, str]:
    """(Unix milliseconds UTC at which that local day begins, the zone lived by)."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    zone = listener.zone_at(int(noon.timestamp() * 1000))
    begins = datetime(day.year, day.month, day.day, DAY_BEGINS, tzinfo=_zone(zone))
    return int(begins.timestamp() * 1000), zone


def _local(ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(ms / 1000, _zone(zone))


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
