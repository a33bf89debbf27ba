"""Every success of the fake against the published OpenAPI description of the Web API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml
from jsonschema import Draft4Validator

from producers.spotify import oauth
from producers.spotify.fake.accounts import SCOPES
from producers.spotify.fake.clock import ManualClock
from producers.spotify.fake.people import Person
from producers.spotify.fake.server import FakeSpotify, make_people
from producers.spotify.fake.troubles import Troubles
from producers.spotify.fake.webapi import gone
from producers.spotify.fake.world import Habits
from tests.support.data import shared_data

from .conftest import MakeFake, moments, settings_for

Json = dict[str, Any]


LISTS = ("/me/tracks", "/me/following", "/me/top/artists", "/me/top/tracks")


@pytest.fixture(scope="module")
def published() -> Json:
    contract: Json = yaml.safe_load(shared_data("spotify-open-api.yml").read_text("utf-8"))
    return contract


def nullable(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable`, and what the contract only says in words, may be null."""
    if isinstance(schema, list):
        return [nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: nullable(value) for key, value in schema.items() if key not in ("example", "discriminator")}
    words = str(schema.get("description", "")) if isinstance(schema.get("description"), str) else ""
    if made.get("nullable") is True or re.search(r"can be `null`|`null` if", words, re.IGNORECASE):
        return {"anyOf": [{"type": "null"}, {key: made[key] for key in made if key != "nullable"}]}
    return made


@pytest.fixture(scope="module")
def validators(published: Json) -> dict[str, Draft4Validator]:
    components = {"components": nullable(published["components"])}
    found = {}
    for path in ("/me", "/me/player/recently-played", "/me/player/currently-playing", "/me/player",
                 "/tracks/{id}", "/artists/{id}", *LISTS):  # fmt: skip
        answer = published["paths"][path]["get"]["responses"]["200"]["$ref"].rsplit("/", 1)[1]
        schema = published["components"]["responses"][answer]["content"]["application/json"]["schema"]
        found[path] = Draft4Validator(nullable(schema) | components)
    return found


@pytest.fixture
def talkative(make_fake: MakeFake) -> FakeSpotify:
    """Every kind of thing is played, and idle moments come."""
    habits = Habits(episodes=0.2, ads=0.2, session=(4, 9), pause_s=(200, 700))
    people = tuple(
        Person(account_id=one.account_id, user_id=one.user_id, name=one.name, habits=habits) for one in make_people()
    )
    return make_fake(people=people, troubles=Troubles(stale=0.3, odd_genres=0.5))


@pytest.fixture
def web(talkative: FakeSpotify) -> Iterator[requests.Session]:
    settings = settings_for(talkative)
    url, verifier = oauth.authorize_url(settings, "s")
    url = re.sub(r"scope=[^&]*", "scope=" + "+".join(sorted(SCOPES)), url)
    code = talkative.consent(url, talkative.settings.people[0].account_id)["code"]
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {oauth.exchange(settings, code, verifier).access_token}"
        yield session


def test_every_success_is_as_published(
    talkative: FakeSpotify, web: requests.Session, music: ManualClock, validators: dict[str, Draft4Validator]
) -> None:
    seen: dict[str, set[int]] = {path: set() for path in validators}
    kinds = set()
    for turn, (_, at) in enumerate(moments(talkative, music, each=4)):
        music.advance((at - music()) / 1000)
        asked = ["/me", "/me/player/recently-played", "/me/player/currently-playing", "/me/player"]
        for path in asked:
            params = {"additional_types": "track,episode"} if turn % 2 else {}
            answer = web.get(talkative.api_url + path, params=params, timeout=5)
            seen[path].add(answer.status_code)
            if answer.status_code == 200:
                validators[path].validate(answer.json())
                kinds.add(answer.json().get("currently_playing_type"))
    for play in talkative.shown(talkative.settings.people[0].account_id)[:10]:
        for path, one in (("/tracks/{id}", play.track.id), ("/artists/{id}", play.track.artists[0].id)):
            answer = web.get(talkative.api_url + path.replace("{id}", one), timeout=5)
            seen[path].add(answer.status_code)
            body = answer.json()
            if "genres" in body and body["genres"] is None:  # seen in the wild, against the contract
                del body["genres"]
            validators[path].validate(body)
    assert seen["/me/player/currently-playing"] == {200, 204}
    assert seen["/me/player"] == {200, 204}
    assert all(200 in codes for path, codes in seen.items() if path not in LISTS)
    assert {"track", "episode", "ad"} <= kinds


def test_every_page_of_the_library_is_as_published(
    talkative: FakeSpotify, web: requests.Session, music: ManualClock, validators: dict[str, Draft4Validator]
) -> None:
    talkative._trouble.troubles = Troubles()  # genres of null are seen in the wild, against the contract
    library, now = talkative.library(talkative.settings.people[0].account_id), music()
    wanted = {
        "/me/tracks": [track.id for track, _ in library.saved(now)],
        "/me/following?type=artist": [artist.id for artist in library.followed(now)],
        "/me/top/artists?time_range=short_term": [artist.id for artist in library.top_artists(now, "short_term")],
        "/me/top/tracks?time_range=long_term": [track.id for track in library.top_tracks(now, "long_term")],
    }
    for path, items in wanted.items():
        url, seen = f"{talkative.api_url}{path}{'&' if '?' in path else '?'}limit=7", []
        while url:  # as `next` leads
            answer = web.get(url, timeout=5)
            assert answer.status_code == 200
            body = answer.json()
            validators[path.partition("?")[0]].validate(body)
            page = body.get("artists", body)
            assert (page["total"], page["limit"]) == (len(items), 7)
            seen += [(item.get("track") or item)["id"] for item in page["items"]]
            url = page["next"]
        assert seen == items
        assert len(items) > 14


@pytest.mark.parametrize(
    "query",
    ["/me/tracks?limit=51", "/me/tracks?limit=0", "/me/tracks?offset=-1", "/me/tracks?offset=x", "/me/following",
     "/me/following?type=user", "/me/top/tracks?time_range=forever", "/me/top/artists?limit=99"],
)  # fmt: skip
def test_what_the_contract_does_not_allow_is_refused(talkative: FakeSpotify, web: requests.Session, query: str) -> None:
    assert web.get(talkative.api_url + query, timeout=5).status_code == 400


def test_each_list_wants_its_scope(published: Json, talkative: FakeSpotify) -> None:
    settings = settings_for(talkative)
    url, verifier = oauth.authorize_url(settings, "s")
    for path in LISTS:
        ((scope,),) = [next(iter(one.values())) for one in published["paths"][path]["get"]["security"]]
        for granted, status in ((SCOPES - {scope}, 403), ({scope}, 200)):
            asked = re.sub(r"scope=[^&]*", "scope=" + "+".join(sorted(granted)), url)
            code = talkative.consent(asked, talkative.settings.people[0].account_id)["code"]
            token = oauth.exchange(settings, code, verifier).access_token
            answer = requests.get(
                f"{talkative.api_url}{path}?type=artist", headers={"Authorization": f"Bearer {token}"}, timeout=5
            )
            assert answer.status_code == status, (path, granted)


def test_the_validators_refuse_what_is_wrong(validators: dict[str, Draft4Validator]) -> None:
    wrong = {
        "/me": {"account_id": 5},
        "/me/player/recently-played": {"items": [{"played_at": 5}]},
        "/me/player/currently-playing": {"item": {"type": "track", "duration_ms": "long"}},
        "/tracks/{id}": {"album": {}},
        "/artists/{id}": {"genres": "rock"},
        "/me/tracks": {"items": []},
        "/me/following": {"items": []},
        "/me/top/artists": {"total": "many"},
        "/me/top/tracks": {"total": 3},
    }
    for path, body in wrong.items():
        assert not validators[path].is_valid(body), path


def test_what_new_apps_lost_is_what_the_contract_marks(published: Json) -> None:
    marked = [
        (method.upper(), path)
        for path, operations in published["paths"].items()
        for method, operation in operations.items()
        if isinstance(operation, dict) and operation.get("deprecated")
    ]
    assert sorted(gone()) == sorted(marked)


def test_the_fields_that_new_apps_lost_are_gone(talkative: FakeSpotify, web: requests.Session) -> None:
    me = web.get(f"{talkative.api_url}/me", timeout=5).json()
    assert not {"country", "email", "product", "explicit_content", "followers"} & set(me)
    track = web.get(f"{talkative.api_url}/me/player/recently-played", timeout=5).json()["items"][0]["track"]
    assert not {"popularity", "available_markets", "linked_from"} & set(track)
    assert not {"popularity", "label"} & set(track["album"])
    artist = web.get(f"{talkative.api_url}/artists/{track['artists'][0]['id']}", timeout=5).json()
    assert not {"popularity", "followers"} & set(artist)


def test_the_scopes_are_those_that_are_published(published: Json) -> None:
    flows = published["components"]["securitySchemes"]["oauth_2_0"]["flows"]
    assert set(flows["authorizationCode"]["scopes"]) == SCOPES
