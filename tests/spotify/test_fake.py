"""The fake is as strict as Spotify: what it lets through by mistake would be found by a listener."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from producers.spotify import oauth
from producers.spotify.fake.clock import AcceleratedClock, ManualClock
from producers.spotify.fake.server import FakeSettings, FakeSpotify, make_people
from producers.spotify.fake.troubles import Troubles
from producers.spotify.fake.webapi import gone
from producers.spotify.fake.world import Habits, Timeline, make_catalogue
from producers.spotify.settings import SCOPES
from streams.contracts.errors import SourceUnavailable

from .conftest import REDIRECT, MakeFake, MovingClock, settings_for

Token = dict[str, Any]


@pytest.fixture
def fake(make_fake: MakeFake) -> FakeSpotify:
    return make_fake()


@pytest.fixture
def web() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def ask(fake: FakeSpotify, web: requests.Session, path: str, token: str, **params: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return web.get(f"{fake.api_url}{path}", headers=headers, params=params, timeout=5)


def grant(fake: FakeSpotify, scope: str = " ".join(SCOPES)) -> Token:
    url, verifier = oauth.authorize_url(settings_for(fake, client_secret=""), "s")
    answer = fake.consent(re.sub(r"scope=[^&]*", f"scope={scope}", url), fake.settings.people[0].account_id)
    got = oauth.exchange(settings_for(fake, client_secret=""), answer["code"], verifier)
    return {"access": got.access_token, "refresh": got.refresh_token}


def test_a_person_sees_a_page_and_agrees_or_not(fake: FakeSpotify, web: requests.Session) -> None:
    url, _ = oauth.authorize_url(settings_for(fake), '"><script>alert(1)</script>')
    page = web.get(url, timeout=5).text
    assert "Fay" in page
    assert "Cancel" in page
    assert "<script>" not in page
    assert "user-read-recently-played" in page
    agreed = fake.consent(url, fake.settings.people[0].account_id)
    assert agreed["state"] == '"><script>alert(1)</script>'
    assert agreed["code"]
    denied = fake.consent(url, "")
    assert denied == {"error": "access_denied", "state": agreed["state"]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"client_id": "somebody-else"}, "INVALID_CLIENT: Invalid client"),
        ({"redirect_uri": REDIRECT + "/"}, "Invalid redirect URI"),
        ({"redirect_uri": "http://localhost:8765/connect/callback"}, "Insecure redirect URI"),
        ({"response_type": "token"}, "response_type must be code"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "S256"),
    ],
)
def test_an_authorize_address_that_is_wrong_ends_on_an_error_page(
    fake: FakeSpotify, web: requests.Session, change: dict[str, str], said: str
) -> None:
    url, _ = oauth.authorize_url(settings_for(fake), "s")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} | change
    page = web.get(f"{fake.accounts_url}/authorize", params=query, timeout=5, allow_redirects=False)
    assert page.status_code == 400
    assert said in page.text


def test_an_unknown_scope_goes_back_as_an_error(fake: FakeSpotify, web: requests.Session) -> None:
    url, _ = oauth.authorize_url(settings_for(fake), "s")
    page = web.get(re.sub(r"scope=[^&]*", "scope=read-my-mind", url), timeout=5, allow_redirects=False)
    assert "error=invalid_scope" in page.headers["location"]


def token_call(fake: FakeSpotify, web: requests.Session, secret: str | None, **form: str) -> requests.Response:
    auth = (fake.settings.client_id, secret) if secret is not None else None
    return web.post(f"{fake.accounts_url}/api/token", data=form, auth=auth, timeout=5)


def new_code(fake: FakeSpotify, secret: str = "fake-client-secret") -> tuple[str, str]:
    url, verifier = oauth.authorize_url(settings_for(fake, client_secret=secret), "s")
    return fake.consent(url, fake.settings.people[0].account_id)["code"], verifier


def test_a_code_is_good_once(fake: FakeSpotify, web: requests.Session) -> None:
    code, _ = new_code(fake)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    first = token_call(fake, web, "fake-client-secret", **form)
    assert first.status_code == 200
    assert first.json()["expires_in"] == 3600
    assert first.json()["scope"] == " ".join(sorted(SCOPES, key=SCOPES.index))
    second = token_call(fake, web, "fake-client-secret", **form)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


def test_a_code_ends_and_belongs_to_its_redirect_address(
    fake: FakeSpotify, web: requests.Session, clock: MovingClock
) -> None:
    code, _ = new_code(fake)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT + "x"}
    assert token_call(fake, web, "fake-client-secret", **form).json()["error"] == "invalid_grant"
    code, _ = new_code(fake)
    clock.advance(601)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    assert token_call(fake, web, "fake-client-secret", **form).json()["error"] == "invalid_grant"


def test_the_pkce_verifier_is_verified(fake: FakeSpotify, web: requests.Session) -> None:
    for wrong in ("", "x" * 43):
        code, _ = new_code(fake, "")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        form |= {"client_id": fake.settings.client_id, "code_verifier": wrong}
        assert token_call(fake, web, None, **form).json()["error"] == "invalid_grant"
    code, _ = new_code(fake)  # begun with a secret, so without a challenge: it cannot end without the secret
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    form |= {"client_id": fake.settings.client_id, "code_verifier": ""}
    assert token_call(fake, web, None, **form).json()["error"] == "invalid_grant"


def test_wrong_clients_and_grants_are_refused(fake: FakeSpotify, web: requests.Session) -> None:
    refresh = grant(fake)["refresh"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert token_call(fake, web, "wrong", **form).json()["error"] == "invalid_client"
    assert token_call(fake, web, None, **form).json()["error"] == "invalid_client"
    assert (
        token_call(fake, web, "fake-client-secret", grant_type="password").json()["error"] == "unsupported_grant_type"
    )
    gone_token = {"grant_type": "refresh_token", "refresh_token": "never given"}
    assert token_call(fake, web, "fake-client-secret", **gone_token).json()["error"] == "invalid_grant"


def test_a_refresh_with_a_secret_brings_no_new_refresh_token(fake: FakeSpotify, web: requests.Session) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": grant(fake)["refresh"]}
    answer = token_call(fake, web, "fake-client-secret", **form).json()
    assert "refresh_token" not in answer
    without = form | {"client_id": fake.settings.client_id}
    assert "refresh_token" in token_call(fake, web, None, **without).json()
    assert token_call(fake, web, None, **without).json()["error"] == "invalid_grant"


def test_without_a_good_token_there_is_a_401(fake: FakeSpotify, web: requests.Session, clock: MovingClock) -> None:
    token = grant(fake)["access"]
    assert ask(fake, web, "/me", token).status_code == 200
    assert ask(fake, web, "/me", "").json() == {"error": {"status": 401, "message": "No token provided"}}
    assert ask(fake, web, "/me", "made up").json()["error"]["message"] == "Invalid access token"
    clock.advance(3_601)
    expired = ask(fake, web, "/me", token)
    assert expired.json() == {"error": {"status": 401, "message": "The access token expired"}}


def test_without_the_scope_there_is_a_403(fake: FakeSpotify, web: requests.Session) -> None:
    token = grant(fake, "user-read-currently-playing")["access"]
    assert ask(fake, web, "/me/player/currently-playing", token).status_code in (200, 204)
    for path in ("/me/player/recently-played", "/me/player"):
        refused = ask(fake, web, path, token)
        assert refused.json() == {"error": {"status": 403, "message": "Insufficient client scope"}}


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 51}, {"limit": -1}, {"limit": "many"}, {"after": 1, "before": 2}, {"after": "x"}]
)
def test_recently_played_refuses_wrong_parameters(
    fake: FakeSpotify, web: requests.Session, params: dict[str, Any]
) -> None:
    refused = ask(fake, web, "/me/player/recently-played", grant(fake)["access"], **params)
    assert refused.status_code == 400
    assert refused.json()["error"]["status"] == 400


def test_recently_played_holds_the_last_fifty_and_no_more(
    fake: FakeSpotify, web: requests.Session, music: ManualClock
) -> None:
    music.advance(3 * 86_400)
    token = grant(fake)["access"]
    page = ask(fake, web, "/me/player/recently-played", token, limit=50).json()
    assert len(page["items"]) == 50
    played = [item["played_at"] for item in page["items"]]
    assert played == sorted(played, reverse=True)
    older = ask(fake, web, "/me/player/recently-played", token, before=page["cursors"]["before"]).json()
    assert older["items"] == []
    newest = ask(fake, web, "/me/player/recently-played", token, after=page["cursors"]["before"], limit=50).json()
    assert len(newest["items"]) == 49
    assert len(ask(fake, web, "/me/player/recently-played", token).json()["items"]) == 20


def test_what_new_apps_lost_is_refused(fake: FakeSpotify, web: requests.Session) -> None:
    headers = {"Authorization": f"Bearer {grant(fake)['access']}"}
    for method, path in gone():
        refused = web.request(method, fake.api_url + re.sub(r"{\w+}", "x", path), headers=headers, timeout=5)
        assert (path, refused.status_code) == (path, 403)
        assert refused.json()["error"]["status"] == 403


def test_a_timeline_follows_from_its_seed_and_not_from_who_asks() -> None:
    catalogue = make_catalogue(3)
    begin = 1_700_000_000_000
    patient, hasty = (Timeline("7", catalogue, begin, Habits()) for _ in range(2))
    for step in range(1, 200):
        hasty.until(begin + step * 600_000)
    assert patient.until(begin + 199 * 600_000) == hasty.until(begin + 199 * 600_000)
    assert Timeline("8", catalogue, begin, Habits()).until(begin + 10**8) != patient.until(begin + 10**8)


def test_plays_are_as_recently_played_is_known_to_be() -> None:
    plays = Timeline("7", make_catalogue(3), 1_700_000_000_000, Habits()).until(1_710_000_000_000)
    assert len(plays) > 10_000
    times = [play.played_at for play in plays]
    assert times == sorted(set(times))
    for play in plays:
        assert 0 <= play.end - play.played_at <= 1_200
        assert play.appears_at > play.end
    short = [play for play in plays if play.end - play.start < 30_000 and play.track.kind == "track"]
    listed = [play for play in short if play.listed]
    assert 0 < len(listed) < len(short) * 0.2
    assert any(play.appears_at - play.end > 600_000 for play in plays)
    assert not any(play.listed for play in plays if play.track.kind != "track")


def test_given_artists_are_the_ones_that_are_played() -> None:
    artists = (("0OdUWJ0sBjDrqHygGUXeCF", "Band of Horses"), ("4uLU6hMCjMI75M1A2tKUQC", "John Coltrane"))
    catalogue = make_catalogue(3, artists)
    assert {(artist.id, artist.name) for track in catalogue for artist in track.artists} == set(artists)
    assert make_catalogue(3, artists[:1])


def test_the_fast_clock_never_runs_ahead() -> None:
    clock = AcceleratedClock(speed=100_000, behind_s=1_000)
    readings = []
    for _ in range(60):
        now = time.time() * 1000
        readings.append(clock())
        assert readings[-1] <= now + 50
        time.sleep(0.001)
    assert readings == sorted(readings)
    assert readings[0] < time.time() * 1000 - 500_000
    assert abs(clock() - time.time() * 1000) < 1_000


def test_it_starts_again_on_another_port_and_stops_twice() -> None:
    fake = FakeSpotify(FakeSettings(redirect_uris=(REDIRECT,)))
    first = fake.start()
    fake.stop()
    fake.stop()
    assert fake.start().startswith("http://127.0.0.1:")
    assert first.startswith("http://127.0.0.1:")
    fake.stop()


def test_troubles_come_as_often_as_they_are_asked_for(make_fake: MakeFake, web: requests.Session) -> None:
    fake = make_fake(troubles=Troubles(bad_gateway=0.3, throttled=0.2, seed=5), people=make_people(("Fay",)))
    token = ""
    while not token:
        try:
            token = grant(fake)["access"]
        except SourceUnavailable:  # the token address is in trouble too
            continue
    statuses = [ask(fake, web, "/me", token).status_code for _ in range(100)]
    assert 15 < statuses.count(502) < 45
    assert 4 < statuses.count(429) < 30
    assert set(statuses) == {200, 429, 502}


def test_after_a_kill_the_same_world_goes_on(tmp_path: Path, clock: MovingClock, web: requests.Session) -> None:
    memory = tmp_path / "fake" / "memory.json"
    settings = FakeSettings(redirect_uris=(REDIRECT,), memory=memory)
    account = settings.people[0].account_id
    with FakeSpotify(settings, AcceleratedClock(speed=600)) as first:
        refresh = grant(first)["refresh"]
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        token = token_call(first, web, "fake-client-secret", **form).json()["access_token"]
        ask(first, web, "/me/player/recently-played", token)
        killed_at = memory.read_bytes()  # nothing after the last answer is remembered by a killed one
        played = first.played(account)
    memory.write_bytes(killed_at)
    with FakeSpotify(settings) as second:
        assert token_call(second, web, "fake-client-secret", **form).status_code == 200
        again = second.played(account)
    shorter = min(len(played), len(again))
    assert shorter > 50
    assert again[:shorter] == played[:shorter]
    with FakeSpotify(FakeSettings(redirect_uris=(REDIRECT,), memory=memory, seed=2)) as other:
        assert other.played(account)[:1] != again[:1]
    memory.write_bytes(b"not json")
    with FakeSpotify(settings) as fresh:
        assert token_call(fresh, web, "fake-client-secret", **form).json()["error"] == "invalid_grant"
