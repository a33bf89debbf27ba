"""The rule itself: what is one play and what is two, and that the fast ways agree with the slow one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.columns import sighting_table
from streams.contracts.events import Artist, PlayRecorded
from streams.contracts.ids import play_id
from streams.identity import _members, components, keys_of, play_ids, plays_of, superseded
from streams.matching import WINDOW, Group, Member, _match, cluster
from streams.neighbours import tracks_of
from streams.plays import merged
from tests.streams.worlds import EVENING, heard, worlds

EXPORT, POLL, NOW_PLAYING = "spotify.export.extended", "spotify.recently-played", "spotify.now-playing"


def shown(events: Sequence[PlayRecorded]) -> list[set[int]]:
    """The plays as sets of positions in `events`."""
    keys = keys_of(sighting_table(events, 1))
    play = plays_of(keys, components(keys))
    return [set(np.flatnonzero(play == number).tolist()) for number in range(play.max() + 1)]


def test_poll_and_export_of_the_same_play_are_one_play() -> None:
    assert shown([heard(0, EXPORT), heard(2, POLL)]) == [{0, 1}]
    assert shown([heard(0, EXPORT), heard(90, POLL)]) == [{0, 1}]
    assert len(shown([heard(0, EXPORT), heard(91, POLL)])) == 2


def test_sources_that_share_only_the_name_or_only_the_uri_are_one_play() -> None:
    assert shown([heard(0, EXPORT), heard(1, "lastfm", track=2)]) == [{0, 1}]  # folded name
    assert shown([heard(0, EXPORT, track=1), heard(1, POLL, track=3)]) == [{0, 1}]  # URI
    assert len(shown([heard(0, EXPORT, track=2), heard(1, POLL, track=3)])) == 2  # neither


def test_two_real_plays_of_a_short_track_in_a_row_stay_two() -> None:
    twenty: dict[str, Any] = {"ms_played": 20_000}
    assert len(shown([heard(0, **twenty), heard(20, **twenty)])) == 2
    both = [heard(0, **twenty), heard(20, **twenty), heard(1, POLL, ms_played=None), heard(21, POLL, ms_played=None)]
    assert sorted(map(sorted, shown(both))) == [[0, 2], [1, 3]]


def test_one_source_saying_the_same_play_twice_is_one_play() -> None:
    assert shown([heard(0), heard(3)]) == [{0, 1}]  # two real ones of 200 s cannot end 3 s apart
    assert shown([heard(0.1), heard(0.9, ms_played=None)]) == [{0, 1}]  # the same second
    assert len(shown([heard(0), heard(3, ms_played=199_000)])) == 2
    assert len(shown([heard(0), heard(30)])) == 2
    assert len(shown([heard(0, ms_played=None), heard(3, ms_played=None)])) == 2


def test_listeners_are_never_mixed() -> None:
    assert len(shown([heard(0), heard(0, listener="00000000000000aa")])) == 2


def test_of_two_matchings_with_as_many_pairs_the_nearer_wins() -> None:
    events = [heard(0), heard(60), heard(61, POLL)]
    assert sorted(map(sorted, shown(events))) == [[0], [1, 2]]


def test_two_clusters_that_come_to_the_same_id_are_one_play() -> None:
    ms: dict[str, Any] = {"ms_played": None}
    events = [
        heard(170, EXPORT, **ms),
        heard(100, POLL, **ms),
        heard(100, NOW_PLAYING, **ms),
        heard(165, NOW_PLAYING, **ms),
    ]
    keys = keys_of(sighting_table(events, 1))
    play = plays_of(keys, components(keys))
    ids = play_ids(keys, play)
    assert len(set(ids.tolist())) == len(ids)


def test_a_loop_of_a_thousand_plays_seen_by_two_sources() -> None:
    export = [heard(30 * number, EXPORT, ms_played=30_000) for number in range(960)]
    poll = [heard(30 * number + 2, POLL, ms_played=None) for number in range(960)]
    assert sorted(map(sorted, shown(export + poll))) == [[number, 960 + number] for number in range(960)]


def test_a_play_takes_each_field_from_the_best_source_that_has_it() -> None:
    export = heard(1, EXPORT, ms_played=180_500, skipped=False, artists=(Artist("Various Artists"),))
    poll = heard(
        0,
        POLL,
        ms_played=None,
        isrc="USBN29900212",
        image_url="https://i/1",
        duration_ms=643_000,
        artists=(Artist("John Coltrane", "2hGh"), Artist("Lee Morgan", "3X")),
        title="Blue Train - Remastered",
    )
    tracks = sighting_table([poll, export], 1)
    keys = keys_of(tracks)
    columns = merged(tracks, keys, plays_of(keys, components(keys)))
    row = {name: column.to_pylist()[0] for name, column in columns.items()}
    assert len(columns["play_id"]) == 1
    assert row["ms_played"] == 180_500 and row["skipped"] is False and row["title"] == "Blue Train"
    assert row["isrc"] == "USBN29900212" and row["image_url"] == "https://i/1" and row["duration_ms"] == 643_000
    assert row["artist_names"] == ["John Coltrane", "Lee Morgan"] and row["artist_ids"] == ["2hGh", "3X"]
    assert row["sources"] == [EXPORT, POLL]
    assert row["ended_at"].timestamp() * 1000 == EVENING + 1000
    assert row["started_at"].timestamp() * 1000 == EVENING + 1000 - 180_500
    assert row["ms_played_is_estimate"] is False
    assert row["play_id"] == play_id(EVENING, "spotify:track:1", "John Coltrane", "Blue Train - Remastered")


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ({"started_at": EVENING - 7_000}, EVENING - 7_000),
        ({"started_at": EVENING + 7_000}, EVENING - 200_000),  # behind the end: not believed
        ({"started_at": EVENING - 7_000, "ms_played": None}, EVENING - 7_000),
        ({"ms_played": None, "duration_ms": 100_000}, None),  # how long it was heard is unknown
    ],
)
def test_a_start_is_as_given_else_worked_out_else_unknown(said: dict[str, Any], start: int | None) -> None:
    tracks = sighting_table([heard(0, **said)], 1)
    keys = keys_of(tracks)
    started = merged(tracks, keys, plays_of(keys, components(keys)))["started_at"].to_pylist()[0]
    assert (started and int(started.timestamp() * 1000)) == start


@given(worlds())
def test_columns_and_the_slow_way_agree(events: list[PlayRecorded]) -> None:
    tracks = tracks_of(sighting_table(events, 1))
    keys = keys_of(tracks)
    labels = components(keys)
    play = plays_of(keys, labels)
    fast = {frozenset(np.flatnonzero(play == number).tolist()) for number in set(play.tolist())}
    slow = set()
    for label in set(labels.tolist()):
        parts = cluster(_members(keys, np.flatnonzero(labels == label)))
        slow |= {frozenset(member.row for member in part) for part in parts}
    assert fast == slow
    assert labels.tolist() == closure(keys_of(tracks))


def closure(keys) -> list[int]:  # type: ignore[no-untyped-def]
    """Components by comparing all with all."""
    labels = list(range(len(keys.second)))
    for _ in labels:
        for a, b in itertools.combinations(range(len(labels)), 2):
            near = keys.listener[a] == keys.listener[b] and abs(int(keys.second[a]) - int(keys.second[b])) <= WINDOW
            shared = keys.uri[a] == keys.uri[b] >= 0 or keys.name[a] == keys.name[b] >= 0
            if near and shared:
                labels[a] = labels[b] = min(labels[a], labels[b])
    return labels


@given(worlds())
def test_live_ids_are_unique_and_no_superseded_id_is_live(events: list[PlayRecorded]) -> None:
    keys = keys_of(tracks_of(sighting_table(events, 1)))
    play = plays_of(keys, components(keys))
    ids = play_ids(keys, play)
    live = {(int(one), int(ids[number])) for one, number in zip(keys.listener, play, strict=True)}
    assert len(live) == len(ids)
    gone = superseded(keys, play, ids)
    removed = {(int(keys.listener[row]), int(keys.candidate[row])) for row in gone}
    assert len(removed) == len(gone)
    assert not live & removed
    candidates = {(int(one), int(other)) for one, other in zip(keys.listener, keys.candidate, strict=True)}
    assert live | removed == candidates


seconds = st.lists(st.integers(0, 400), max_size=5, unique=True).map(sorted)
names = st.integers(0, 1)


@given(seconds, seconds, st.data())
@settings(max_examples=300, deadline=None)
def test_the_matching_is_the_best_without_crossing(left: list[int], right: list[int], data: st.DataObject) -> None:
    units, clusters = (
        [Group([Member(0, 0, at, at, -1, -1, data.draw(names), at)]) for at in several] for several in (left, right)
    )

    def cost(pairs: Sequence[tuple[int, int]]) -> tuple[int, int]:
        return -len(pairs), sum(abs(left[unit] - right[other]) for unit, other in pairs)

    allowed = [
        (unit, other)
        for unit in range(len(left))
        for other in range(len(right))
        if abs(left[unit] - right[other]) <= WINDOW and units[unit].shares_key(clusters[other])
    ]
    best = min(cost(some) for size in range(6) for some in itertools.combinations(allowed, size) if in_order(some))
    made = sorted(_match(units, clusters))
    assert set(made) <= set(allowed)
    assert in_order(made)
    assert cost(made) == best


def in_order(pairs: Sequence[tuple[int, int]]) -> bool:
    return all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(pairs))
