"""Nobody gets in who should not: hosts, foreign pages, strangers, tokens, another listener's data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from structlog.testing import capture_logs

from api.app import ROUTERS, create_app
from api.guard import PUBLIC, Guard
from api.passwords import hash_password
from api.scope import scope
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.tokens import Tokens
from tests.api.conftest import Library
from tests.support.web import TOKEN, Seeded, client_of, owner_client, services, settings

PASSWORD = "a long enough password"
HASHED = hash_password(PASSWORD)


@pytest.fixture
def seeded(library: Library) -> Seeded:
    return library.seeded


@pytest.fixture
def local(library: Library, tmp_path: Path) -> FastAPI:
    return create_app(services(library.ch, tmp_path))


@pytest.fixture
def exposed(library: Library, tmp_path: Path) -> FastAPI:
    """Bound to every address."""
    asks = settings(tmp_path, host="0.0.0.0", password_hash=HASHED, session_key=b"k" * 32)
    return create_app(services(library.ch, tmp_path, settings=asks))


def every_route() -> Iterator[tuple[str, APIRoute]]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods or ()):
                yield method, route


def filled(path: str, listener: str = "ada") -> str:
    values = {"listener": listener, "what": "artists"}
    return re.sub(r"{(\w+)}", lambda found: values.get(found[1], "0" * 15 + "1"), path)


async def test_every_route_is_closed_to_strangers(exposed: FastAPI, seeded: Seeded) -> None:
    closed = 0
    async with client_of(exposed, host="music.example") as client:
        for method, route in every_route():
            answer = await client.request(method, filled(route.path))
            if route.path in PUBLIC:
                assert answer.status_code != 401, route.path
                continue
            assert answer.status_code == 401, f"{method} {route.path}"
            assert answer.headers["content-type"] == "application/problem+json"
            closed += 1
        assert (await client.get("/api/v1/openapi.json")).status_code == 401
        assert (await client.get("/no/such/thing")).status_code == 401, "what is not there is not told apart"
        assert (await client.get("/static/style.css")).status_code == 200
        page = await client.get("/?window=all", headers={"Accept": "text/html"})
    assert closed > 25
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2F%3Fwindow%3Dall")


async def test_what_slips_past_the_guard_is_closed_too(
    exposed: FastAPI, seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "_stranger", lambda *_: None)
    async with client_of(exposed, host="music.example") as client:
        for method, route in every_route():
            if route.path not in PUBLIC:
                answer = await client.request(method, filled(route.path))
                assert answer.status_code == 401, f"{method} {route.path}: {answer.status_code}"
        assert (await client.get("/login")).status_code == 200


async def test_public_answers_tell_a_stranger_nothing_of_anybody(exposed: FastAPI, seeded: Seeded) -> None:
    async with client_of(exposed, host="music.example") as client:
        for path in PUBLIC - {"/favicon.ico"}:
            assert "Ada" not in (await client.get(path)).text


def test_every_route_of_a_listener_takes_them_from_the_scope() -> None:
    for method, route in every_route():
        if "{listener}" not in route.path:
            continue
        asked = [route.dependant]
        calls = set()
        while asked:
            dependant = asked.pop()
            calls.add(dependant.call)
            asked += dependant.dependencies
        assert scope in calls, f"{method} {route.path} reads its listener past the scope"


async def test_on_loopback_the_owner_needs_no_password(local: FastAPI, seeded: Seeded) -> None:
    for host in ("127.0.0.1:8765", "localhost", "[::1]:8765"):
        async with client_of(local, host=host) as client:
            assert (await client.get("/api/v1/listeners")).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "", "[::1", "a b"]
)
async def test_a_name_that_is_pointed_at_loopback_is_refused(local: FastAPI, seeded: Seeded, host: str) -> None:
    async with client_of(local) as client:
        answer = await client.get("/api/v1/listeners", headers={"Host": host})
    assert answer.status_code == 421


async def test_a_proxy_in_front_ends_the_trust_in_loopback(local: FastAPI, seeded: Seeded) -> None:
    async with client_of(local) as client:
        answer = await client.get("/api/v1/listeners", headers={"X-Forwarded-For": "203.0.113.9"})
        assert answer.status_code == 403
        assert "--public-url" in answer.json()["cure"]
    async with client_of(local, peer="203.0.113.9") as client:
        assert (await client.get("/api/v1/listeners")).status_code == 401


async def test_a_public_address_asks_for_the_password_on_loopback_too(library: Library, tmp_path: Path) -> None:
    asks = settings(tmp_path, public_url="https://music.example", password_hash=HASHED)
    app = create_app(services(library.ch, tmp_path, settings=asks))
    async with client_of(app, host="127.0.0.1") as client:
        assert (await client.get("/api/v1/listeners")).status_code == 401
    async with client_of(app, host="music.example") as client:
        assert (await client.get("/api/v1/listeners")).status_code == 401
    async with client_of(app, host="other.example") as client:
        assert (await client.get("/api/v1/listeners")).status_code == 421
        assert (await client.get("/healthz")).status_code == 200, "probes ask by address"


FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": "http://127.0.0.1:9999"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_another_sites_page_changes_nothing(local: FastAPI, seeded: Seeded, headers: dict[str, str]) -> None:
    async with client_of(local, host="127.0.0.1:8765") as client:
        answer = await client.delete("/api/v1/demo", headers=headers)
        assert answer.status_code == 403
        new = {"name": "Eve", "timezone": "UTC"}
        assert (await client.post("/api/v1/listeners", json=new, headers=headers)).status_code == 403
        names = [row["name"] for row in (await client.get("/api/v1/listeners")).json()["listeners"]]
    assert names == ["Ada", "Bob"]


async def test_another_sites_page_reads_nothing_but_may_link_to_us(local: FastAPI, seeded: Seeded) -> None:
    async with client_of(local, sec_fetch_site="cross-site") as client:
        fetched = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
        assert (await client.get("/api/v1/listeners", headers=fetched)).status_code == 403
        framed = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
        assert (await client.get("/", headers=framed)).status_code == 403
        visited = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert (await client.get("/", headers=visited)).status_code == 200


async def test_our_own_page_may_change_things(clickhouse: ClickHouse, tmp_path: Path) -> None:
    local = create_app(services(clickhouse, tmp_path))
    ours = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
    async with client_of(local, host="127.0.0.1:8765") as client:
        answer = await client.post("/api/v1/listeners", json={"name": "Eve", "timezone": "UTC"}, headers=ours)
    assert answer.status_code == 201, answer.text


async def test_every_answer_carries_the_security_headers(local: FastAPI, seeded: Seeded) -> None:
    async with client_of(local) as client:
        for path in ("/", "/api/v1/listeners", "/healthz", "/static/style.css", "/no/such/thing"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in headers


async def sign_in(client: httpx.AsyncClient, password: str, **fields: str) -> httpx.Response:
    return await client.post("/login", data={"password": password, **fields})


async def test_the_password_opens_a_session_and_signing_out_ends_it(exposed: FastAPI, seeded: Seeded) -> None:
    async with client_of(exposed, host="music.example") as client:
        answer = await sign_in(client, PASSWORD, next="/?window=all")
        assert (answer.status_code, answer.headers["location"]) == (303, "/?window=all")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert (await client.get("/api/v1/listeners")).status_code == 200
        assert (await client.delete("/api/v1/demo", headers={"Origin": "https://evil.example"})).status_code == 403
        await client.post("/logout")
        assert (await client.get("/api/v1/listeners")).status_code == 401


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", "/\n"])
async def test_signing_in_leads_to_no_other_site(exposed: FastAPI, seeded: Seeded, target: str) -> None:
    async with client_of(exposed, host="music.example") as client:
        assert (await sign_in(client, PASSWORD, next=target)).headers["location"] == "/"


async def test_guessing_is_braked(exposed: FastAPI, seeded: Seeded) -> None:
    async with client_of(exposed, host="music.example") as client:
        tries = [await sign_in(client, "wrong") for _ in range(6)]
        assert [answer.status_code for answer in tries] == [401] * 5 + [429]
        assert int(tries[-1].headers["retry-after"]) > 0
        assert (await sign_in(client, PASSWORD)).status_code == 429, "the right one too, until the time is over"


async def test_without_a_password_nobody_signs_in(library: Library, tmp_path: Path) -> None:
    app = create_app(services(library.ch, tmp_path, settings=settings(tmp_path, host="0.0.0.0")))
    async with client_of(app, host="music.example") as client:
        assert (await sign_in(client, "")).status_code in (401, 422)
        assert (await sign_in(client, "x")).status_code == 401


async def test_the_owners_token_opens_everything_and_a_wrong_one_nothing(
    exposed: FastAPI, local: FastAPI, seeded: Seeded
) -> None:
    async with client_of(exposed, host="music.example") as client:
        good = {"Authorization": f"Bearer {TOKEN}"}
        assert (await client.get("/api/v1/doctor", headers=good)).status_code == 200
        for text in (f"Bearer {TOKEN}x", "Bearer ", "Bearer é", f"Basic {TOKEN}", TOKEN):
            wrong = {b"Authorization": text.encode()}
            assert (await client.get("/api/v1/doctor", headers=wrong)).status_code == 401
    async with client_of(local) as client:
        bad = {"Authorization": "Bearer wrong"}
        assert (await client.get("/api/v1/doctor", headers=bad)).status_code == 401, "on loopback too"


async def test_a_listeners_token_reads_that_listener_alone(exposed: FastAPI, seeded: Seeded, library: Library) -> None:
    row, token = Tokens(library.ch).add("phone", "listener", seeded.ada.id)
    others = (seeded.bob.listener, "Bob", "bob", "BOB")
    async with client_of(exposed, host="music.example", authorization=f"Bearer {token}") as client:
        seen = (await client.get("/api/v1/listeners")).json()["listeners"]
        assert [one["name"] for one in seen] == ["Ada"]
        assert "Bob" not in (await client.get("/")).text
        for method, route in every_route():
            if route.path in PUBLIC or (route.path in ("/", "/logout", "/api/v1/listeners") and method != "POST"):
                continue
            if route.path == "/logout":
                continue
            if "{listener}" not in route.path:
                answer = await client.request(method, filled(route.path))
                assert answer.status_code == 403, f"{method} {route.path}: {answer.status_code}"
                continue
            for other in others:
                answer = await client.request(method, filled(route.path, other))
                assert answer.status_code in (403, 404), f"{method} {route.path} of {other}: {answer.status_code}"
                if method == "GET":
                    nobody = await client.request(method, filled(route.path, "nobody"))
                    assert nobody.status_code == answer.status_code, "another listener looks like nobody"
        own = await client.get(f"/api/v1/listeners/{seeded.ada.listener}/recent")
        assert own.status_code == 200
        assert len(own.json()["plays"]) == 30
        assert (await client.get("/", params={"listener": "Bob"})).status_code == 404
        assert (await client.delete("/api/v1/listeners/ada")).status_code == 403
        Tokens(library.ch).revoke(row.token_id)
        assert (await client.get("/api/v1/listeners")).status_code == 401


async def test_a_flood_is_refused_before_it_is_read(local: FastAPI, seeded: Seeded) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b"x" * 65_536

    async with owner_client(local) as client:
        declared = await client.post("/api/v1/sql", content=b"x" * (2 << 20))
        streamed = await client.post("/api/v1/sql", content=endless())
    assert declared.status_code == 413
    assert streamed.status_code == 413


async def test_an_error_of_ours_says_nothing_and_keeps_the_headers(library: Library, tmp_path: Path) -> None:
    def broken(listener: int, window: str) -> Any:
        raise RuntimeError("a secret: hunter2")

    with capture_logs() as logs:
        async with client_of(create_app(services(library.ch, tmp_path, profiles=broken))) as client:
            answer = await client.get("/api/v1/listeners/Ada/profile")
    assert answer.status_code == 500
    assert [line["event"] for line in logs] == ["an error that nobody foresaw"]
    assert answer.json()["type"] == "urn:spotifire:problem:internal"
    assert "hunter2" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_tokens_that_cannot_be_looked_up_are_no_error_of_ours(library: Library, tmp_path: Path) -> None:
    away = Tokens(ClickHouse(ClickHouseSettings(url="http://127.0.0.1:9", database="gone")))
    app = create_app(services(library.ch, tmp_path, tokens=away))
    async with client_of(app, authorization="Bearer some") as client:
        answer = await client.get("/api/v1/listeners")
    assert answer.status_code == 503
    assert answer.json()["retriable"] is True


async def test_a_person_gets_a_page_where_a_program_gets_json(local: FastAPI, seeded: Seeded) -> None:
    async with client_of(local, accept="text/html,*/*") as client:
        for path, status in (("/?listener=nobody", 404), ("/?window=soon", 400), ("/no/such", 404)):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), path
        assert (await client.get("/api/v1/no")).headers["content-type"] == "application/problem+json"
