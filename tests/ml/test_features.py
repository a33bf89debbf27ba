"""Each feature against plays written by hand, on the real engine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from msgspec import Struct

from ml.features import BY_NAME, FEATURES, NAMES, features_frame
from ml.train import compared_matrix
from sinks.clickhouse import ClickHouse
from tests.ml.planted import as_plays
from tests.support.clickhouse import fresh_database

MONDAY = datetime(2025, 6, 2, tzinfo=UTC)
ME = 2**64 - 5  # an id that no float and no signed number holds


class Heard(Struct):
    """One play: when it started (hours after MONDAY, local time is UTC), of what."""

    at: float
    artist: str = "a"
    track: int = 1
    ms: int | None = 180_000
    genre: str = "rock"
    skipped: bool | None = None
    sources: Sequence[str] = ("spotify.export.extended",)
    incognito: bool | None = None
    removed: bool = False


@pytest.fixture(scope="module")
def empty(engine: ClickHouse) -> Iterator[ClickHouse]:
    with fresh_database() as ch:
        yield ch


@pytest.fixture
def house(empty: ClickHouse) -> Iterator[ClickHouse]:
    yield empty
    for table in ("plays", "listeners", "artists"):
        empty.command(f"TRUNCATE TABLE {table}")


def store(
    ch: ClickHouse, plays: Sequence[Heard], *, listener: int = ME, popularity: dict[str, int] | None = None
) -> None:
    starts = [MONDAY + timedelta(hours=play.at) for play in plays]
    ends = [start + timedelta(milliseconds=play.ms or 180_000) for start, play in zip(starts, plays, strict=True)]
    columns: dict[str, Any] = {
        "listener": [listener] * len(plays),
        "play_id": [int(end.timestamp()) << 32 | play.track for end, play in zip(ends, plays, strict=True)],
        "version": [1] * len(plays),
        "is_deleted": [int(play.removed) for play in plays],
        "ended_at": ends,
        "started_at": starts,
        "ms_played": [play.ms for play in plays],
        "ms_played_is_estimate": [False] * len(plays),
        "artist": [f"Artist {play.artist}" for play in plays],
        "artist_id": [play.artist for play in plays],
        "artist_is_guess": [False] * len(plays),
        "skipped": [play.skipped for play in plays],
        "incognito": [play.incognito for play in plays],
        "sources": [list(play.sources) for play in plays],
        "local_date": [start.date() for start in starts],
        "local_hour": [start.hour for start in starts],
        "weekday": [start.isoweekday() for start in starts],
        "utc_offset_minutes": [0] * len(plays),
        "genre": [play.genre for play in plays],
    }
    ch.insert_arrow("plays", as_plays(columns, len(plays)))
    ch.insert("listeners", ["listener", "version", "name", "min_ms_played"], [[listener, 1, "ann", 30_000]])
    ch.insert(
        "artists",
        ["artist_id", "source", "version", "name", "popularity"],
        [[artist, "file", 1, artist, value] for artist, value in (popularity or {}).items()],
    )


def only(ch: ClickHouse, **window: Any) -> dict[str, Any]:
    frame = features_frame(ch, listener=ME, **window)
    assert len(frame) == 1
    return {str(name): value for name, value in frame.iloc[0].items()}


def test_every_feature_says_its_unit_its_formula_and_its_sentence() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for feature in FEATURES:
        assert feature.unit
        assert feature.formula
        assert feature.sentence.count("{value}") == 1


def test_nobody_gives_an_empty_frame_with_every_column(house: ClickHouse) -> None:
    frame = features_frame(house, listener=1)
    assert frame.empty
    assert set(NAMES) <= set(frame.columns)


def test_ids_stay_exact(house: ClickHouse) -> None:
    store(house, [Heard(at=9)])
    assert int(features_frame(house)["listener"].iloc[0]) == ME


def test_hours_go_round_the_clock(house: ClickHouse) -> None:
    """23 h and 1 h meet at midnight, not at noon."""
    store(house, [Heard(at=23), Heard(at=25), Heard(at=47), Heard(at=49)])
    row = only(house)
    assert row["typical_hour"] == pytest.approx(0.5), "hour 23 is 23:30 in its middle, hour 1 is 1:30"
    assert row["hour_concentration"] == pytest.approx(math.cos(2 * math.pi / 24))
    assert row["night_share"] == 1.0


def test_an_even_clock_has_no_concentration(house: ClickHouse) -> None:
    store(house, [Heard(at=hour) for hour in range(24)])
    row = only(house)
    assert row["hour_concentration"] == pytest.approx(0, abs=1e-9)
    assert row["night_share"] == pytest.approx(6 / 24)
    assert row["evening_share"] == pytest.approx(5 / 24)


def test_days_and_weekends(house: ClickHouse) -> None:
    saturday, sunday = 5 * 24 + 12, 6 * 24 + 12
    store(house, [Heard(at=10), Heard(at=11), Heard(at=saturday), Heard(at=sunday)])
    row = only(house)
    assert (row["active_days"], row["days"]) == (3, 7)
    assert row["active_days_share"] == pytest.approx(3 / 7)
    assert row["plays_per_active_day"] == pytest.approx(4 / 3)
    assert row["weekend_share"] == pytest.approx(0.5)


def test_a_window_counts_only_days_that_are_known(house: ClickHouse) -> None:
    store(house, [Heard(at=24 * day) for day in range(10)])
    row = only(house, first=date(2025, 6, 8), last=date(2025, 12, 31))
    assert (row["plays"], row["active_days"], row["days"]) == (4, 4, 4)
    row = only(house, first=date(2025, 6, 4), last=date(2025, 6, 5))
    assert (row["plays"], row["days"]) == (2, 2)
    assert features_frame(house, listener=ME, first=date(2026, 1, 1)).empty


def test_sessions_end_after_half_an_hour_of_silence(house: ClickHouse) -> None:
    """Two sessions: 9:00 to 9:13 (three plays), 10:00 to 10:03."""
    store(house, [Heard(at=9), Heard(at=9 + 5 / 60), Heard(at=9 + 10 / 60), Heard(at=10)])
    assert only(house)["session_minutes"] == pytest.approx((13 + 3) / 2)


def test_repeats_and_first_hearings(house: ClickHouse) -> None:
    old = [Heard(at=0.1 * number, track=number) for number in range(3)]
    later = [Heard(at=24 * 20 + number, track=track) for number, track in enumerate([1, *range(100, 118), 117, 116])]
    store(house, [*old, *later])
    row = only(house)
    assert row["repeat_rate"] == pytest.approx(2 / 24), "track 1 came back only after 20 days"
    assert row["discovery_rate"] == pytest.approx(18 / 21), "the first two weeks are left out: all is new then"
    row = only(house, first=date(2025, 6, 22))
    assert row["discovery_rate"] == pytest.approx(18 / 21), "what was heard before the window is not new in it"


def test_a_short_history_says_nothing_of_discovery(house: ClickHouse) -> None:
    store(house, [Heard(at=number, track=number) for number in range(60)])
    assert math.isnan(only(house)["discovery_rate"])


def test_artists_per_50_does_not_grow_with_the_number_of_plays(house: ClickHouse) -> None:
    store(house, [Heard(at=number / 10, artist=f"a{number % 10}") for number in range(100)])
    exact = 10 * (1 - math.comb(90, 50) / math.comb(100, 50))
    assert only(house)["artists_per_50"] == pytest.approx(exact)
    assert only(house)["top_artist_share"] == pytest.approx(0.1)


def test_fifty_plays_of_different_artists(house: ClickHouse) -> None:
    store(house, [Heard(at=number / 10, artist=f"a{number}") for number in range(50)])
    assert only(house)["artists_per_50"] == pytest.approx(50)


def test_genres_count_where_known(house: ClickHouse) -> None:
    genres = ["rock", "rock", "jazz", "folk", "unknown", ""]
    store(house, [Heard(at=number, genre=genre) for number, genre in enumerate(genres)])
    row = only(house)
    assert row["genre_coverage"] == pytest.approx(4 / 6)
    assert row["genre_entropy"] == pytest.approx(1.5)
    assert BY_NAME["genre_entropy"].text(1.5) == "2.8"


def test_too_few_known_genres_are_not_judged(house: ClickHouse) -> None:
    store(house, [Heard(at=number, genre="rock" if number < 2 else "unknown") for number in range(10)])
    assert math.isnan(only(house)["genre_entropy"])


def test_mainstream_index_and_its_coverage(house: ClickHouse) -> None:
    store(
        house,
        [Heard(at=0, artist="x"), Heard(at=1, artist="x"), Heard(at=2, artist="y"), Heard(at=3, artist="z")],
        popularity={"x": 80, "y": 20, "nobody": 100},
    )
    row = only(house)
    assert row["mainstream_index"] == pytest.approx((80 + 80 + 20) / 3)
    assert row["popularity_coverage"] == pytest.approx(3 / 4)


def test_skips_look_at_short_plays_too(house: ClickHouse) -> None:
    """Plays under 30 s count as nothing but a skip."""
    full = [Heard(at=number, skipped=False) for number in range(30)]
    short = [Heard(at=30 + number, skipped=True, ms=4_000) for number in range(10)]
    silent = [Heard(at=50 + number) for number in range(5)]
    store(house, [*full, *short, *silent])
    row = only(house)
    assert row["plays"] == 35
    assert row["skip_share"] == pytest.approx(10 / 40)


def test_what_does_not_count_is_left_out(house: ClickHouse) -> None:
    store(house, [Heard(at=1), Heard(at=2, incognito=True), Heard(at=3, removed=True), Heard(at=4, ms=None)])
    assert only(house)["plays"] == 2


def test_a_profile_may_be_kept_to_exports(house: ClickHouse) -> None:
    store(
        house,
        [
            Heard(at=1),
            Heard(at=2, sources=("spotify.recently-played",)),
            Heard(at=3, sources=("spotify.export.account", "spotify.recently-played")),
        ],
    )
    assert only(house)["plays"] == 3
    assert only(house, exports_only=True)["plays"] == 2


def test_listeners_are_kept_apart(house: ClickHouse) -> None:
    store(house, [Heard(at=1), Heard(at=2)])
    store(house, [Heard(at=1, artist="b"), Heard(at=30), Heard(at=60)], listener=3)
    together = features_frame(house).set_index("listener")
    assert list(together["plays"]) == [3, 2]
    alone = features_frame(house, listener=3).set_index("listener")
    pd.testing.assert_frame_equal(alone, together.loc[[3]])


def test_logged_features_are_compared_by_their_logarithm(house: ClickHouse) -> None:
    store(house, [Heard(at=1), Heard(at=2)])
    frame = features_frame(house)
    compared = compared_matrix(frame)
    assert compared.shape == (1, len(NAMES))
    assert compared[0, NAMES.index("plays_per_active_day")] == pytest.approx(math.log(3))
    assert compared[0, NAMES.index("evening_share")] == frame["evening_share"].iloc[0]
