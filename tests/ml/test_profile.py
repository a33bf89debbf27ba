"""The whole way: stored plays of a listener -> persona, confidence, reasons, or the reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from ml import store
from ml.features import NAMES
from ml.model import from_json
from ml.personas import DESCRIPTIONS
from ml.profile import profile, refresh_profiles
from ml.store import ModelStore
from ml.train import train_from_plays
from sinks.clickhouse import ClickHouse
from sinks.listeners import Listeners
from streams.contracts.errors import NothingYet, UserError
from streams.contracts.events import ListenerProfile
from streams.contracts.ids import to_hex
from streams.contracts.ports import ListenerSettings, ZonePeriod
from tests.ml.planted import FIRST_DAY, artists, planted
from tests.support.clickhouse import fresh_database

LAST = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=FIRST_DAY + 90)
OWL, HUNTER, FEW = 2**63 + 1, 2**63 + 2, 2**63 + 3


def live(ch: ClickHouse, listener: int, name: str, zone: str = "UTC") -> None:
    Listeners(ch).put(ListenerSettings(listener=listener, name=name, zones=(ZonePeriod(0, zone),)))


@pytest.fixture(scope="module")
def untrained(engine: ClickHouse) -> Iterator[ClickHouse]:
    with fresh_database() as ch:
        plays, _ = planted(8, each=1, names=["Night Owl"], first_id=OWL)
        live(ch, OWL, "owl")
        ch.insert_arrow("plays", plays)
        yield ch


@pytest.fixture(scope="module")
def house(engine: ClickHouse) -> Iterator[ClickHouse]:
    """A trained model, an owl, a hunter in Auckland, and somebody with four days of plays."""
    with fresh_database() as ch:
        ModelStore(ch).save(train_from_plays(ch, *planted(1, each=6), artists(), trained_at=0))
        for listener, name, zone, persona in (
            (OWL, "owl", "UTC", "Night Owl"),
            (HUNTER, "hunter", "Pacific/Auckland", "Underground Hunter"),
        ):
            live(ch, listener, name, zone)
            plays, _ = planted(8, each=1, names=[persona], first_id=listener)
            ch.insert_arrow("plays", plays)
        live(ch, FEW, "few")
        ch.insert_arrow("plays", planted(8, each=1, days=4, names=["Music Addict"], first_id=FEW)[0])
        catalogue = [[one.artist_id, "file", 1, one.name, one.popularity] for one in artists()]
        ch.insert("artists", ["artist_id", "source", "version", "name", "popularity"], catalogue)
        yield ch


def test_who_you_are_and_why(house: ClickHouse) -> None:
    found = profile(house, OWL, "90d", now=LAST)
    assert found.persona == "Night Owl"
    assert found.confidence is not None
    assert found.confidence > 0.6
    assert found.window == "90d"
    assert found.listener == to_hex(OWL)
    assert found.computed_at == int(LAST.timestamp() * 1000)
    assert found.model_id == ModelStore(house).load().model_id
    assert 1 <= len(found.reasons) <= 3
    assert any("between 23:00 and 05:00; most listeners: " in reason for reason in found.reasons)
    assert set(found.features) == set(NAMES)
    assert found.plays == house.scalar(
        "SELECT count() FROM v_counted_plays WHERE listener = {me:UInt64} AND local_date > {day:Date}",
        {"me": OWL, "day": (LAST - timedelta(days=90)).date()},
    )


def test_listeners_get_their_own(house: ClickHouse) -> None:
    assert profile(house, HUNTER, "all", now=LAST).persona == "Underground Hunter"


def test_too_few_plays_is_an_answer(house: ClickHouse) -> None:
    found = profile(house, FEW, "all", now=LAST)
    assert found.persona is None
    assert found.confidence is None
    assert found.plays > 50
    assert found.reasons[0].startswith(f"Not enough data: {found.plays} plays on 4 days")
    empty = profile(house, OWL, "2019", now=LAST)
    assert (empty.persona, empty.plays, empty.features) == (None, 0, {})


def test_seasons_are_those_of_the_hemisphere(house: ClickHouse) -> None:
    """June to August is summer in the north, winter in Auckland; the plays begin on the last of July."""
    north = profile(house, OWL, "2025-summer", now=LAST)
    south = profile(house, HUNTER, "2025-winter", now=LAST)
    assert north.plays > 0
    assert south.plays > 0
    assert profile(house, HUNTER, "2025-summer", now=LAST).plays == 0


def test_a_listener_may_keep_the_web_api_out(house: ClickHouse) -> None:
    Listeners(house).set("hunter", profile_sources="export")
    try:
        assert profile(house, HUNTER, "all", now=LAST).plays == 0, "these plays came from no export"
    finally:
        Listeners(house).set("hunter", profile_sources="all")


def test_nobody_and_nonsense_are_told_what_to_do(house: ClickHouse) -> None:
    with pytest.raises(UserError) as nobody:
        profile(house, 1, "90d", now=LAST)
    assert nobody.value.cure
    with pytest.raises(UserError):
        profile(house, OWL, "yesterday", now=LAST)


def test_without_any_model_there_is_nothing_yet(
    untrained: ClickHouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(store, "SHIPPED", tmp_path / "none.json")
    with pytest.raises(NothingYet):
        profile(untrained, OWL, "90d", now=LAST)


def test_the_shipped_model_serves_until_one_is_trained(untrained: ClickHouse) -> None:
    found = profile(untrained, OWL, "90d", now=LAST)
    assert found.persona == "Night Owl"
    assert found.model_id == from_json(store.SHIPPED.read_text("utf-8")).model_id


def test_the_shipped_model_is_of_this_version() -> None:
    shipped = from_json(store.SHIPPED.read_text("utf-8"))
    assert shipped.features == NAMES
    assert set(shipped.names) == set(DESCRIPTIONS)
    assert shipped.quality.agreement is not None
    assert shipped.quality.agreement >= 0.8


def test_profiles_are_stored_for_everybody(house: ClickHouse) -> None:
    stored = refresh_profiles(house, ["90d", "all"], now=LAST)
    assert len(stored) == 6
    rows = house.query("SELECT listener, window, persona, confidence, reasons, model_id, plays FROM v_profiles")
    assert len(rows) == 6
    for one in stored:
        (row,) = (row for row in rows if (to_hex(row[0]), row[1]) == (one.listener, one.window))
        assert row[2:] == (
            one.persona or "",
            one.confidence,
            list(one.reasons),
            one.model_id,
            one.plays,
        )


def test_a_profile_is_an_event_that_can_be_published(house: ClickHouse) -> None:
    found = profile(house, OWL, "90d", now=LAST)
    assert msgspec.json.decode(msgspec.json.encode(found), type=ListenerProfile) == found
