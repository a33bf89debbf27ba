from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from producers.spotify import oauth
from producers.spotify.auth import PENDING_MS, Connector
from producers.spotify.errors import Forbidden
from producers.spotify.fake.people import Person
from producers.spotify.fake.server import make_people
from producers.spotify.fake.troubles import Fault
from producers.spotify.settings import NEEDED, SCOPES
from sinks.clickhouse import ClickHouse
from streams.contracts.errors import SourceUnavailable, SpotifireError, UserError

from .conftest import REDIRECT, Bench, MakeFake, MovingClock, settings_for


@pytest.fixture
def clickhouse(no_connections: ClickHouse) -> ClickHouse:
    return no_connections


@pytest.mark.parametrize("secret", ["fake-client-secret", ""], ids=["with a secret", "PKCE"])
def test_a_listener_connects(bench: Bench, secret: str) -> None:
    connector = Connector(settings_for(bench.fake, client_secret=secret), bench.connections, bench.vault, bench.clock)
    url = connector.begin(7)
    assert ("code_challenge" in url) == (secret == "")
    connected = connector.callback(**bench.fake.consent(url, bench.account()))
    assert connected.listener == 7
    assert connected.account_id == bench.account()
    stored = bench.connections.get(7)
    assert stored is not None
    assert stored.state == "connected"
    assert stored.granted_at is not None
    assert stored.account_id == bench.account()
    assert bench.vault.unlock(stored.client_secret) == secret
    token = bench.vault.unlock(stored.refresh_token)
    assert token
    assert token not in repr(stored)


def test_nothing_that_is_stored_or_shown_holds_the_secret(bench: Bench) -> None:
    bench.connect(7)
    raw = bench.ch.query("SELECT * FROM connections", {})
    assert bench.settings.client_secret not in str(raw)
    assert bench.settings.client_secret not in repr(bench.settings)
    assert bench.tokens.access(7).token not in repr(bench.tokens.access(7))


def test_a_state_is_good_once(bench: Bench) -> None:
    answer = bench.fake.consent(bench.connector.begin(7), bench.account())
    bench.connector.callback(**answer)
    with pytest.raises(UserError, match="no connection that was begun here"):
        bench.connector.callback(**answer)


def test_a_state_is_used_up_by_a_failure_too(bench: Bench) -> None:
    answer = bench.fake.consent(bench.connector.begin(7), bench.account())
    with pytest.raises(UserError, match="refuses the code"):
        bench.connector.callback(answer["state"], "not the code")
    with pytest.raises(UserError, match="no connection that was begun here"):
        bench.connector.callback(**answer)
    assert bench.connections.get(7) is None


def test_a_state_ends_after_ten_minutes(bench: Bench) -> None:
    url = bench.connector.begin(7)
    bench.clock.advance(PENDING_MS / 1000 - 1)
    late = bench.connector.begin(8)
    bench.clock.advance(2)
    with pytest.raises(UserError, match="last ten minutes"):
        bench.connector.callback(**bench.fake.consent(url, bench.account()))
    assert bench.connector.callback(**bench.fake.consent(late, bench.account())).listener == 8


def test_an_answer_goes_to_the_listener_it_was_begun_for(bench: Bench) -> None:
    first, second = bench.connector.begin(1), bench.connector.begin(2)
    assert bench.connector.callback(**bench.fake.consent(second, bench.account(1))).listener == 2
    assert bench.connector.callback(**bench.fake.consent(first, bench.account(0))).listener == 1


@pytest.mark.parametrize(
    "state", ["", "x", "x" * 1_000_000, "\ud800", "\x00", "' OR 1=1 --", "ä" * 43], ids=lambda state: repr(state[:12])
)
def test_a_hostile_state_is_refused_and_ends_nobody_elses(bench: Bench, state: str) -> None:
    url = bench.connector.begin(7)
    calls = len(bench.fake.calls)
    with pytest.raises(UserError, match="no connection that was begun here"):
        bench.connector.callback(state, "code")
    assert len(bench.fake.calls) == calls
    assert bench.connector.callback(**bench.fake.consent(url, bench.account())).listener == 7


def test_states_are_long_and_never_the_same(bench: Bench) -> None:
    states = {parse_qs(urlsplit(bench.connector.begin(7)).query)["state"][0] for _ in range(20)}
    assert len(states) == 20
    assert min(map(len, states)) >= 43  # 256 bits


def test_who_denies_is_told_what_to_do(bench: Bench) -> None:
    answer = bench.fake.consent(bench.connector.begin(7), "")
    assert answer["error"] == "access_denied"
    with pytest.raises(UserError, match="access was denied"):
        bench.connector.callback(**answer)
    assert bench.connections.get(7) is None


def test_an_answer_without_a_code_is_refused(bench: Bench) -> None:
    answer = bench.fake.consent(bench.connector.begin(7), bench.account())
    with pytest.raises(UserError, match="no code"):
        bench.connector.callback(answer["state"])


def granting(bench: Bench, *scopes: str) -> dict[str, str]:
    """The answer of a person who grants only these."""
    url = re.sub(r"scope=[^&]*", "scope=" + "+".join(scopes), bench.connector.begin(7))
    return bench.fake.consent(url, bench.account())


def test_who_grants_what_the_plays_need_is_connected(bench: Bench) -> None:
    bench.connector.callback(**granting(bench, *NEEDED))
    connection = bench.connections.get(7)
    assert connection is not None
    assert set(connection.scope.split()) == set(NEEDED) < set(SCOPES)


def test_who_grants_less_is_told_what_lacks(bench: Bench) -> None:
    with pytest.raises(UserError, match="granted too little: user-read-recently-played is missing"):
        bench.connector.callback(**granting(bench, *set(SCOPES) - {"user-read-recently-played"}))
    assert bench.connections.get(7) is None


def test_another_account_cannot_take_a_listeners_place(bench: Bench) -> None:
    bench.connect(7, 0)
    with pytest.raises(UserError, match="another Spotify account"):
        bench.connect(7, 1)
    with pytest.raises(UserError, match="already connected to another listener"):
        bench.connect(8, 0)
    stored = bench.connections.get(7)
    assert stored is not None
    assert stored.account_id == bench.account(0)
    bench.connect(7, 0)  # again, as every six months


def test_who_is_not_on_the_apps_list_is_told_so(
    make_fake: MakeFake, clock: MovingClock, clickhouse: ClickHouse
) -> None:
    stranger: Person = make_people(("Una",))[0]
    fake = make_fake(people=(Person(account_id=stranger.account_id, user_id="u", name="Una", allowed=False),))
    bench = Bench(fake, None, clock, clickhouse)  # type: ignore[arg-type]  # no music is played
    with pytest.raises(Forbidden, match="not registered") as told:
        bench.connect(7)
    assert "User Management" in told.value.cure
    assert bench.connections.get(7) is None


def test_an_owner_without_premium_is_told_so(make_fake: MakeFake, clock: MovingClock, clickhouse: ClickHouse) -> None:
    bench = Bench(make_fake(owner_has_premium=False), None, clock, clickhouse)  # type: ignore[arg-type]
    with pytest.raises(Forbidden) as told:
        bench.connect(7)
    assert "Premium" in told.value.cure


def test_a_wrong_client_secret_is_told_so(bench: Bench) -> None:
    connector = Connector(settings_for(bench.fake, client_secret="wrong"), bench.connections, bench.vault, bench.clock)
    with pytest.raises(UserError, match="client id or secret"):
        connector.callback(**bench.fake.consent(connector.begin(7), bench.account()))


def test_without_a_client_id_the_next_step_is_told(bench: Bench) -> None:
    connector = Connector(settings_for(bench.fake, client_id=""), bench.connections, bench.vault, bench.clock)
    with pytest.raises(UserError, match="client id is missing"):
        connector.begin(7)


def test_a_sign_in_service_that_is_down_can_be_tried_again(bench: Bench) -> None:
    bench.fake.script("/api/token", Fault(status=503, body="<html>down</html>"))
    with pytest.raises(SourceUnavailable, match="503"):
        bench.connect(7)
    bench.connect(7)


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:8765/callback",
        "http://127.0.0.1/callback",
        "http://192.168.1.5:8765/callback",
        "http://example.org/callback",
        "ftp://127.0.0.1:21/",
        "http://127.0.0.1:99999/",
        "http://me@127.0.0.1:8765/",
        "https://example.org/callback#fragment",
        "",
    ],
)
def test_redirect_addresses_that_spotify_refuses_are_refused_before(uri: str) -> None:
    with pytest.raises(UserError):
        oauth.check_redirect(uri)


@pytest.mark.parametrize("uri", [REDIRECT, "http://[::1]:8765/callback", "https://music.example.org/callback"])
def test_redirect_addresses_that_spotify_takes_are_taken(uri: str) -> None:
    oauth.check_redirect(uri)


def test_the_fake_refuses_localhost_as_spotify_does(make_fake: MakeFake) -> None:
    uri = "http://localhost:8765/callback"
    fake = make_fake(redirect_uris=(uri,))
    url, _ = oauth.authorize_url(settings_for(fake, redirect_uri=uri), "state")
    with pytest.raises(SpotifireError, match="Insecure redirect URI"):
        fake.consent(url, fake.settings.people[0].account_id)
