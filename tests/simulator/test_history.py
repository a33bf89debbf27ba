from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from producers.simulator.habits import (
    CASUAL_LISTENER,
    MAINSTREAM_EXPLORER,
    MUSIC_ADDICT,
    NIGHT_OWL,
    UNDERGROUND_HUNTER,
)
from producers.simulator.listeners import SimulatedListener, population
from producers.simulator.simulator import Simulator
from streams.contracts import codec
from streams.contracts.events import DAY, PlayRecorded

UNTIL = 1_780_000_000_000
SIMULATOR = Simulator(1)


class Measured:
    """What was planted, as one measures it from the plays alone."""

    def __init__(self, listener: SimulatedListener, days: int = 150) -> None:
        popularity = {artist.id: artist.popularity or 0 for artist in SIMULATOR.artists()}
        plays = SIMULATOR.history(listener, days, UNTIL)
        heard: set[str] = set()
        new = 0
        for play in plays:
            new += play.uri not in heard
            heard.add(play.uri)
        hours = [local(listener, play.started_at or 0).hour for play in plays]
        self.plays_a_day = len(plays) / len({local(listener, play.started_at or 0).date() for play in plays})
        self.night = sum(hour >= 23 or hour < 5 for hour in hours) / len(plays)
        self.new = new / len(plays)
        self.popularity = sum(popularity[play.artists[0].id] for play in plays) / len(plays)
        self.skips = sum(bool(play.skipped) for play in plays) / len(plays)
        self.days = len({local(listener, play.started_at or 0).date() for play in plays}) / days
        self.top = Counter(play.artists[0].id for play in plays).most_common(1)[0][1] / len(plays)


def local(listener: SimulatedListener, ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, ZoneInfo(listener.zone_at(ms)))


def test_planted_habits_are_measurable() -> None:
    found = {listener.archetype: Measured(listener) for listener in SIMULATOR.listeners[:5]}
    others = {name: [each for other, each in found.items() if other != name] for name in found}
    assert found[NIGHT_OWL].night > 0.7 > 0.2 > max(each.night for each in others[NIGHT_OWL])
    assert found[MUSIC_ADDICT].plays_a_day > 80 > 50 > max(each.plays_a_day for each in others[MUSIC_ADDICT])
    assert found[UNDERGROUND_HUNTER].popularity < 20 < 30 < min(e.popularity for e in others[UNDERGROUND_HUNTER])
    assert found[MAINSTREAM_EXPLORER].popularity > 65 > max(e.popularity for e in others[MAINSTREAM_EXPLORER])
    assert found[MAINSTREAM_EXPLORER].skips > max(each.skips for each in others[MAINSTREAM_EXPLORER])
    assert min(found[MAINSTREAM_EXPLORER].new, found[UNDERGROUND_HUNTER].new) > 0.3
    assert found[CASUAL_LISTENER].plays_a_day < 12
    assert found[CASUAL_LISTENER].days < 0.7 < min(each.days for each in others[CASUAL_LISTENER])
    assert found[CASUAL_LISTENER].top > max(each.top for each in others[CASUAL_LISTENER])


def test_a_population_scatters_round_its_archetypes() -> None:
    people = population(25, seed=9)
    night: dict[bool, list[float]] = {True: [], False: []}
    for each in people:
        night[each.archetype == NIGHT_OWL].append(Measured(each, days=40).night)
    assert min(night[True]) > max(night[False])
    assert len(set(night[True])) == 5


@pytest.mark.parametrize("listener", SIMULATOR.listeners, ids=lambda each: str(each.settings.name))
def test_a_history_is_one_that_a_listener_can_have_lived(listener: SimulatedListener) -> None:
    plays = SIMULATOR.history(listener, 60, UNTIL)
    assert len(plays) > 100
    for before, play in itertools.pairwise(plays):
        assert (play.started_at or 0) >= before.reported_end, "nobody plays two at once"
    for play in plays:
        assert UNTIL - 60 * DAY < play.reported_end <= UNTIL
        assert (play.started_at or 0) + (play.ms_played or 0) == play.reported_end
        assert 0 < (play.ms_played or 0) <= (play.duration_ms or 0)
        assert play.source == "simulator"
        assert codec.decode_value(PlayRecorded, codec.encode(play), now=UNTIL) == play


def test_the_same_seed_gives_the_same_history_and_overlaps_agree() -> None:
    listener = SIMULATOR.listeners[0]
    whole = SIMULATOR.history(listener, 90, UNTIL)
    assert Simulator(1).history(listener, 90, UNTIL) == whole
    assert Simulator(2).history(Simulator(2).listeners[0], 90, UNTIL) != whole
    shorter = SIMULATOR.history(listener, 30, UNTIL - 10 * DAY, published_at=UNTIL)
    assert shorter == [play for play in whole if UNTIL - 40 * DAY < play.reported_end <= UNTIL - 10 * DAY]


def test_who_travels_plays_by_the_clock_of_the_place() -> None:
    lucia = next(each for each in SIMULATOR.listeners if len(each.settings.zones) > 1)
    starts = [period.starts for period in lucia.settings.zones]
    away = SIMULATOR.history(lucia, 60, starts[1] + 61 * DAY)
    assert {play.country for play in away} == {"AR"}
    hours = Counter(local(lucia, play.started_at or 0).hour for play in away)
    assert sum(hours[hour] for hour in range(1, 6)) / len(away) < 0.05
    home = SIMULATOR.history(lucia, 30, starts[1] - DAY)
    assert {play.country for play in home} == {"ES"}
