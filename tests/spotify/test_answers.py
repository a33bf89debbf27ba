from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.spotify.answers import (
    read_account,
    read_now_playing,
    read_recently_played,
    unix_ms,
)
from streams.contracts.errors import SourceUnavailable
from streams.contracts.events import Artist

TRACK: dict[str, Any] = {"uri": "spotify:track:4uLU6hMCjMI75M1A2tKUQC", "name": "Blue Train"}


def page(*items: Any) -> dict[str, Any]:
    return {"items": list(items)}


def item(**track: Any) -> dict[str, Any]:
    return {"played_at": "2026-01-02T03:04:05.678Z", "track": TRACK | track}


def test_a_bare_item_is_enough() -> None:
    [play] = read_recently_played(page(item()), 50).plays
    assert play.played_at == 1_767_323_045_678
    assert (play.track.title, play.track.artists, play.track.isrc, play.track.duration_ms) == (
        "Blue Train",
        (),
        "",
        None,
    )


@pytest.mark.parametrize(
    "field", ["artists", "album", "duration_ms", "external_ids", "explicit", "name", "images", "show"]
)
def test_null_and_absent_are_the_same(field: str) -> None:
    absent = {"played_at": "2026-01-02T03:04:05.678Z", "track": {"uri": TRACK["uri"]}}
    null = {"played_at": "2026-01-02T03:04:05.678Z", "track": {"uri": TRACK["uri"], field: None}}
    assert read_recently_played(page(null), 50) == read_recently_played(page(absent), 50)


def test_nulls_deeper_down() -> None:
    track = item(
        artists=[None, {"name": None, "id": "a"}, {"name": "Coltrane", "id": None}],
        album={"name": None, "images": [None, {"url": None, "width": 300}], "release_date": None},
        external_ids={"isrc": None},
    )
    [play] = read_recently_played(page(track), 50).plays
    assert play.track.artists == (Artist("Coltrane"),)
    assert (play.track.album, play.track.image_url, play.track.isrc) == ("", "", "")


def test_an_odd_item_is_counted_and_the_others_are_kept() -> None:
    odd = [
        None,
        "text",
        {},
        {"played_at": "2026-01-02T03:04:05Z", "track": None},
        {"played_at": None, "track": TRACK},
        {"played_at": "yesterday", "track": TRACK},
        {"played_at": "2026-01-02T03:04:05Z", "track": {"uri": None}},
        {"played_at": "2026-01-02T03:04:05Z", "track": TRACK | {"duration_ms": "long"}},
        {"played_at": 5, "track": TRACK},
    ]
    read = read_recently_played(page(*odd, item()), 50)
    assert len(read.plays) == 1
    assert read.unreadable == len(odd)


def test_full_counts_what_came_and_not_what_could_be_read() -> None:
    assert read_recently_played(page(*[item()] * 49, None), 50).full
    assert not read_recently_played(page(*[item()] * 49), 50).full
    assert not read_recently_played(page(), 50).full


@pytest.mark.parametrize(
    ("widths", "chosen"),
    [((640, 300, 64), 300), ((64, 640), 640), ((64,), 64), ((None,), None), ((), "")],
)
def test_the_picture_is_the_smallest_that_is_wide_enough(widths: tuple[int | None, ...], chosen: object) -> None:
    images = [{"url": f"https://i.example/{width}", "width": width} for width in widths]
    [play] = read_recently_played(page(item(album={"images": images})), 50).plays
    assert play.track.image_url == ("" if chosen == "" else f"https://i.example/{chosen}")


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
        ("2026-01-02T03:04:05Z", 1_767_323_045_000),
        ("2026-01-02T04:04:05.678+01:00", 1_767_323_045_678),
        ("2026-01-02T03:04:05.678", 1_767_323_045_678),
        ("2026-01-02T03:04:05.6789Z", 1_767_323_045_678),
    ],
)
def test_times_are_exact(text: str, ms: int) -> None:
    assert unix_ms(text) == ms


@given(st.integers(0, 4_294_967_295_000))
def test_every_millisecond_comes_back(ms: int) -> None:
    from producers.spotify.fake.shapes import instant

    assert unix_ms(instant(ms)) == ms


def test_a_ghost_past_the_end_of_its_track_does_not_play() -> None:
    ghost = {"is_playing": True, "item": TRACK | {"duration_ms": 200_000}, "progress_ms": 200_001}
    assert not read_now_playing(ghost).is_playing
    assert read_now_playing(ghost | {"progress_ms": 199_999}).is_playing
    assert read_now_playing(ghost | {"progress_ms": None}).is_playing


def test_idle_ads_and_silence_do_not_play() -> None:
    for body in (None, {}, {"is_playing": True, "item": None}, {"is_playing": None, "item": TRACK}):
        assert not read_now_playing(body).is_playing


@pytest.mark.parametrize("body", [[], "text", 5, {"is_playing": "yes"}])
def test_nonsense_is_an_error_and_not_a_crash(body: Any) -> None:
    with pytest.raises(SourceUnavailable):
        read_now_playing(body)


@pytest.mark.parametrize("body", [None, {}, {"account_id": None}, {"account_id": ""}, {"id": "old"}])
def test_an_account_without_its_id_is_an_error(body: Any) -> None:
    with pytest.raises(SourceUnavailable):
        read_account(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["items", "track", "played_at", "uri", "name", "artists", "album", "images", "url", "width", "item",
             "is_playing", "progress_ms", "duration_ms", "external_ids", "isrc"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
def test_no_json_at_all_breaks_the_readers(body: Any) -> None:
    for read in (lambda: read_recently_played(body, 50), lambda: read_now_playing(body), lambda: read_account(body)):
        try:
            read()
        except SourceUnavailable:
            continue
