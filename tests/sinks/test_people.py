"""Listeners, connections, tokens, commands, profiles: what is written is what is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sinks.clickhouse import ClickHouse
from sinks.collected import CollectedSightings
from sinks.commands import Commands
from sinks.connections import ClickHouseConnections
from sinks.erase import erase_listener, left_over
from sinks.imports import Imports
from sinks.listeners import Listeners
from sinks.profiles import Profiles
from sinks.reference import ClickHouseReference
from sinks.tokens import Tokens
from streams.contracts.errors import UserError
from streams.contracts.events import ListenerProfile
from streams.contracts.ids import from_hex
from streams.contracts.ports import Connection, ListenerSettings, ZonePeriod

MARCH = 1_740_787_200_000


@pytest.fixture
def people(clickhouse: ClickHouse) -> Listeners:
    return Listeners(clickhouse)


def test_add_and_find(people: Listeners) -> None:
    ada = people.add("  Ada  Lovelace ", "Europe/London", account_id="acc")
    assert ada.name == "Ada Lovelace"
    assert people.get("ada lovelace") == people.get(ada.listener) == people.list()[0]
    assert people.get("ADA LOVELACE").account_id == "acc"
    assert (ada.zone, ada.min_ms_played, ada.profile_sources) == ("Europe/London", 30_000, "all")


@pytest.mark.parametrize("name", ["", "   ", "a/b", "x" * 65, "0123456789abcdef", "bell\x07", "100%"])
def test_names_that_cannot_be(people: Listeners, name: str) -> None:
    with pytest.raises(UserError, match="cannot be a listener's name"):
        people.add(name, "UTC")


def test_names_are_unique_among_the_living(people: Listeners, clickhouse: ClickHouse) -> None:
    first = people.add("Straße", "UTC")
    with pytest.raises(UserError, match="already"):
        people.add("STRASSE", "UTC")
    people.remove("strasse")
    assert people.list() == []
    with pytest.raises(UserError, match="no listener"):
        people.get(first.listener)
    assert people.add("Strasse", "UTC").listener != first.listener


def test_unknown_zone_and_listener(people: Listeners) -> None:
    with pytest.raises(UserError, match="is not a time zone"):
        people.add("Ada", "Mars/Olympus")
    with pytest.raises(UserError, match="no listener 'Nobody'"):
        people.get("Nobody")


def test_set_changes_only_what_is_given(people: Listeners) -> None:
    ada = people.add("Ada", "UTC", hemisphere="south")
    changed = people.set("ada", count_incognito=True, min_ms_played=0)
    assert changed == people.get("ada")
    assert (changed.count_incognito, changed.min_ms_played, changed.hemisphere) == (True, 0, "south")
    assert changed.created_at == ada.created_at
    assert people.set("ada", name="ADA").name == "ADA"  # her own name in other letters
    wrongs: list[dict[str, Any]] = [
        {"min_ms_played": -1}, {"hemisphere": "east"}, {"profile_sources": "some"}, {"zones": []},
    ]  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(UserError):
            people.set("ada", **wrong)


def test_travel_is_two_moves(people: Listeners, reference: ClickHouseReference) -> None:
    ada = people.add("Ada", "Europe/Berlin")
    people.set_zone("Ada", "Asia/Tokyo", MARCH)
    home = people.set_zone("Ada", "Europe/Berlin", MARCH + 1000)
    expected = (
        ZonePeriod(0, "Europe/Berlin"),
        ZonePeriod(MARCH, "Asia/Tokyo"),
        ZonePeriod(MARCH + 1000, "Europe/Berlin"),
    )
    assert home.periods() == expected
    assert reference.listeners([ada.id])[ada.id].zones == expected
    people.set_zone("Ada", "Europe/Berlin", MARCH)  # the journey did not happen: the entries collapse
    assert people.get("Ada").periods() == (ZonePeriod(0, "Europe/Berlin"),)


def test_reference_sees_a_change_at_once(people: Listeners, reference: ClickHouseReference) -> None:
    ada = people.add("Ada", "UTC")
    unknown = 4
    assert set(reference.listeners([ada.id, unknown])) == {ada.id}
    people.set("Ada", finished_only=True)
    assert reference.listeners([ada.id])[ada.id].finished_only
    people.put(ListenerSettings(listener=unknown, name="Ben", zones=(ZonePeriod(0, "UTC"),), is_demo=True))
    assert reference.listeners([unknown])[unknown].is_demo
    command = people.remove("Ada")
    assert reference.listeners([ada.id])[ada.id].erased_at == command.asked_at


def test_commands_stay_open_until_done(clickhouse: ClickHouse, people: Listeners) -> None:
    ada, log = people.add("Ada", "UTC"), Commands(clickhouse)
    first, second = log.ask(ada.id, "restamp"), log.ask(ada.id, "restamp")
    assert [c.command_id for c in log.open_commands(ada.id)] == [
        c.command_id for c in sorted((first, second), key=lambda c: (c.asked_at, c.command_id))
    ]
    log.done(first, "3 plays")
    assert log.open_commands(ada.id) == [second]
    assert log.all_open() == [second]
    assert log.open_commands(1) == []
    kept = log.get(first.command_id)
    assert kept is not None
    assert (kept.state, kept.detail, kept.asked_at) == ("done", "3 plays", first.asked_at)


def test_the_clock_of_whoever_asked_may_be_ahead(clickhouse: ClickHouse, people: Listeners) -> None:
    ada, log = people.add("Ada", "UTC"), Commands(clickhouse)
    command = log.ask(ada.id, "erase")
    for table in ("commands", "listeners"):
        clickhouse.command(f"INSERT INTO {table} SELECT * REPLACE (version + 3600000000 AS version) FROM {table} FINAL")
    erase_listener(clickhouse, ada.id)
    log.done(command, "gone")
    assert log.all_open() == []
    assert clickhouse.query("SELECT name, account_id FROM listeners") == [("", "")]


def test_a_move_that_lies_ahead(people: Listeners) -> None:
    people.add("Ada", "Europe/Berlin")
    ada = people.set_zone("Ada", "Asia/Tokyo", 4_000_000_000_000)
    assert ada.zone == "Europe/Berlin"
    assert ada.zone_at(datetime(2100, 1, 1, tzinfo=UTC)) == "Asia/Tokyo"


def test_connections_keep_the_newest_and_forget(clickhouse: ClickHouse) -> None:
    connections = ClickHouseConnections(clickhouse)
    pending = Connection(listener=2**63, client_id="id", client_secret="gAAA", refresh_token="")
    connections.put(pending)
    granted = Connection(
        listener=2**63, client_id="id", client_secret="gAAA", refresh_token="gBBB", granted_at=MARCH, state="connected"
    )
    connections.put(granted)
    assert connections.get(2**63) == granted
    assert connections.all() == [granted]
    connections.remove(2**63)
    assert connections.get(2**63) is None
    assert clickhouse.query("SELECT client_secret, refresh_token FROM connections") == [("", "")]
    connections.put(pending)
    assert connections.get(2**63) == pending


def test_tokens_are_stored_as_hashes(clickhouse: ClickHouse) -> None:
    tokens = Tokens(clickhouse)
    row, plain = tokens.add("laptop", "listener", 7)
    owner, _ = tokens.add("cron", "owner")
    assert tokens.find(plain) == row
    assert tokens.find(plain + "x") is None
    assert plain not in str(clickhouse.query("SELECT * FROM api_tokens"))
    assert {t.name for t in tokens.all()} == {"laptop", "cron"}
    assert tokens.revoke(row.token_id) == row
    assert tokens.find(plain) is None
    assert tokens.all() == [owner]
    with pytest.raises(UserError):
        tokens.revoke(row.token_id)
    with pytest.raises(UserError):
        tokens.add("wrong", "owner", 7)
    assert from_hex(row.token_id)


def test_newest_model_of_a_kind(clickhouse: ClickHouse) -> None:
    profiles = Profiles(clickhouse)
    assert profiles.newest_model("persona") is None
    profiles.put_model("a", "persona", "{}")
    profiles.put_model("b", "persona", '{"k":5}')
    profiles.put_model("c", "other", "{}")
    newest = profiles.newest_model("persona")
    assert newest is not None
    assert (newest.model_id, newest.body) == ("b", '{"k":5}')


def test_a_setting_that_read_the_row_before_an_erasure_does_not_undo_it(
    clickhouse: ClickHouse, people: Listeners
) -> None:
    ada = people.add("Ada", "UTC")
    before = people._row("Ada")
    people.remove("Ada")
    people._write(before | {"name": "Eve"})
    assert people.list() == []
    erase_listener(clickhouse, ada.id)
    people._write(before | {"name": "Eve"})
    assert people.list() == []
    settings = ListenerSettings(listener=ada.id, name="Demo", zones=(ZonePeriod(0, "UTC"),), is_demo=True)
    people.put(settings)  # a simulated listener comes back
    assert people.set("Demo", finished_only=True).finished_only
    people.remove("Demo")
    assert people.list() == []


def test_what_is_written_of_an_erased_listener_is_dropped_or_found(clickhouse: ClickHouse, people: Listeners) -> None:
    ada = people.add("Ada", "UTC")
    ledger = Imports(clickhouse)
    ledger.start(ada.id, 5, ["a.json"])
    people.remove("Ada")
    ledger.progress(5, 1, 1)
    CollectedSightings(clickhouse).note_gap(ada.id, "spotify.recently-played", MARCH, MARCH + 1)
    ClickHouseConnections(clickhouse).put(
        Connection(listener=ada.id, client_id="id", client_secret="", refresh_token="gAAA")
    )
    told = ListenerProfile(listener=ada.listener, window="90d", computed_at=MARCH, plays=1)
    Profiles(clickhouse).put_profiles([told])
    counts = "SELECT count() FROM gaps UNION ALL SELECT count() FROM connections UNION ALL SELECT count() FROM profiles"
    assert clickhouse.query(counts) == [(0,)] * 3
    assert clickhouse.scalar("SELECT read FROM imports FINAL") == 0
    erase_listener(clickhouse, ada.id)
    assert left_over(clickhouse) == []
    clickhouse.command(f"INSERT INTO gaps (listener, version) VALUES ({ada.id}, 1)")
    assert left_over(clickhouse) == [ada.id]
    erase_listener(clickhouse, ada.id)
    assert left_over(clickhouse) == []
