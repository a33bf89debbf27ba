from __future__ import annotations

from zoneinfo import ZoneInfo

from producers.simulator.catalogue import GENRES, catalogue
from producers.simulator.habits import ARCHETYPES
from producers.simulator.listeners import COUNTRIES, demo_listeners, population
from producers.simulator.simulator import Simulator
from streams.contracts import codec
from streams.contracts.events import ArtistDescribed
from streams.enrich.genre import decide


def test_the_demonstration_has_every_archetype_in_many_zones() -> None:
    listeners = demo_listeners(1)
    assert {each.archetype for each in listeners} == set(ARCHETYPES)
    assert len(listeners) == len({each.settings.name for each in listeners}) == len({e.listener for e in listeners})
    assert all(each.settings.is_demo and each.listener for each in listeners)
    zones = {period.zone for each in listeners for period in each.settings.zones}
    assert zones <= set(COUNTRIES)
    assert len({ZoneInfo(zone).key for zone in zones}) >= 8
    assert any(len(each.settings.zones) > 1 for each in listeners)


def test_the_pure_archetypes_are_in_the_demonstration() -> None:
    assert {each.habits.archetype for each in demo_listeners(1) if each.habits in ARCHETYPES.values()} == set(
        ARCHETYPES
    )


def test_ids_and_catalogue_follow_from_the_seed() -> None:
    assert demo_listeners(3) == demo_listeners(3)
    assert {each.listener for each in demo_listeners(3)}.isdisjoint(each.listener for each in demo_listeners(4))
    first = catalogue(3)
    catalogue.cache_clear()
    assert catalogue(3) == first
    assert catalogue(4) != first


def test_the_catalogue_is_one_that_a_worker_takes() -> None:
    artists = Simulator(1).artists()
    for artist in artists:
        assert codec.decode_value(ArtistDescribed, codec.encode(artist), now=1_790_000_000_000) == artist
        assert len(artist.id) == 22
        assert artist.id.isalnum()
    assert len({artist.id for artist in artists}) == len({artist.name for artist in artists}) == len(artists)
    popularity = sorted(artist.popularity or 0 for artist in artists)
    assert popularity[len(popularity) // 4] < 20
    assert popularity[-len(popularity) // 10] > 80
    assert 0 < sum(not artist.genres for artist in artists) < len(artists) / 8
    tracks = [track for artist in catalogue(1) for track in artist.tracks]
    assert len({track.uri for track in tracks}) == len(tracks) > 5_000


def test_the_genres_are_understood() -> None:
    families = {decide(genres)[0] for genres in GENRES if genres}
    assert "unknown" not in families
    assert len(families) >= 10
    assert decide(())[0] == "unknown"


def test_a_population_is_even_and_no_two_are_alike() -> None:
    people = population(50, seed=5)
    assert people == population(50, seed=5)
    assert people != population(50, seed=6)
    assert len({each.listener for each in people}) == 50
    assert len({each.habits.plays_a_day for each in people}) == 50
    assert {
        archetype: sum(each.archetype == archetype for each in people) for archetype in ARCHETYPES
    } == dict.fromkeys(ARCHETYPES, 10)
