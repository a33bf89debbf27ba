"""Tokens over HTTP: who hands them out, what each opens, and every way out of them that we could think of."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import pyarrow as pa
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from api.guard import PUBLIC, SAFE
from api.sessions import COOKIE
from sinks.clickhouse import ClickHouse
from sinks.commands import Commands
from sinks.erase import erase_listener
from sinks.imports import Imports
from sinks.tokens import PREFIX, Tokens
from sinks.writer import Writer
from streams.contracts import ids
from streams.contracts.tables import DEAD_LETTERS
from tests.api.test_door import every_route, filled
from tests.support.clickhouse import fresh_database
from tests.support.rows import NOON_MS, play, plays_table
from tests.support.web import Seeded, client_of, create_app, owner_client, seed, services, settings

PLACE = "/api/v1/tokens"
MARK = "only-bob-hears-this"
IMPORT, LETTER = "00000000000000b1", "00000000000000b2"


@dataclass(frozen=True)
class House:
    """Ada and Bob; whatever is Bob's holds MARK."""

    ch: ClickHouse
    seeded: Seeded
    play: str
    command: str


@pytest.fixture(scope="module")
def house(engine: ClickHouse) -> Iterator[House]:
    with fresh_database() as ch:
        store = Writer(ch, threading.Event())
        seeded = seed(ch, store)
        bob = seeded.bob.id
        heard = play(bob, NOON_MS, title=MARK, artist=MARK, album=MARK)
        store.write_plays(plays_table(heard))
        Imports(ch).start(bob, ids.from_hex(IMPORT), [f"{MARK}.json"])
        command = Commands(ch).ask(bob, "hide", {"artist": MARK})
        letter: dict[str, Any] = dict.fromkeys(DEAD_LETTERS.names, MARK) | {
            "dead_letter_id": ids.from_hex(LETTER), "refused_at": NOON_MS, "reason": "wrong-type", "listener": bob,
            "import_id": ids.from_hex(IMPORT), "partition": 0, "offset": 0, "published_at": NOON_MS, "headers": [],
            "key": seeded.bob.listener.encode(), "payload": MARK.encode(),
        }  # fmt: skip
        store.write_dead_letters(pa.Table.from_pylist([letter], schema=DEAD_LETTERS))
        yield House(ch, seeded, ids.to_hex(heard["play_id"]), ids.to_hex(command.command_id))


@pytest.fixture
def app(house: House, tmp_path: Path) -> FastAPI:
    """Asks for sign-in on loopback too."""
    return create_app(services(house.ch, tmp_path, database=house.ch, settings=settings(tmp_path, sign_in=True)))


def unzipped(content: bytes) -> bytes:
    with ZipFile(io.BytesIO(content)) as zipped:
        return b"\n".join(zipped.read(name) for name in zipped.namelist())


async def test_a_token_is_shown_once_and_refused_when_it_is_revoked(
    app: FastAPI, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        async with owner_client(app) as owner:
            answer = await owner.post(PLACE, json={"name": "phone", "listener": "ada"})
            assert answer.status_code == 201, answer.text
            assert answer.headers["cache-control"] == "no-store"
            made = answer.json()
            text = made.pop("token")
            assert text.startswith(PREFIX)
            assert len(text) > 40
            assert (made["role"], made["listener"], made["listener_name"]) == (
                "listener",
                house.seeded.ada.listener,
                "Ada",
            )
            assert (await owner.get(PLACE)).json() == {"tokens": [made]}
            async with client_of(app, authorization=f"Bearer {text}") as phone:
                assert (await phone.get("/api/v1/listeners")).status_code == 200
                gone = await owner.delete(f"{PLACE}/{made['token_id']}")
                assert (gone.status_code, gone.json()) == (200, made)
                assert (await phone.get("/api/v1/listeners")).status_code == 401
                assert (await phone.get("/api/v1/listeners/Ada/recent")).status_code == 401
            assert (await owner.get(PLACE)).json() == {"tokens": []}
            again = await owner.delete(f"{PLACE}/{made['token_id']}")
            assert (again.status_code, again.json()["cure"]) == (404, "See `spotifire tokens list`.")
    told = str(logs) + caplog.text + gone.text + again.text + str(house.ch.query("SELECT * FROM api_tokens"))
    assert text not in told
    assert text.removeprefix(PREFIX) not in told


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x", "listener": "Nobody"}, 404),
        ({"name": "x", "listener": ""}, 404),
        ({"name": " "}, 422),
        ({"name": "x" * 65}, 422),
        ({"name": "x", "role": "owner"}, 422),
        ({}, 422),
    ],
)
async def test_what_makes_no_token(app: FastAPI, house: House, body: dict[str, str], status: int) -> None:
    before = Tokens(house.ch).all()
    async with owner_client(app) as owner:
        assert (await owner.post(PLACE, json=body)).status_code == status
        assert (await owner.delete(f"{PLACE}/x")).status_code == 422
    assert Tokens(house.ch).all() == before


async def test_no_token_makes_or_revokes_another(app: FastAPI, house: House) -> None:
    tokens = Tokens(house.ch)
    reading, listeners = tokens.add("prometheus", "owner"), tokens.add("phone", "listener", house.seeded.ada.id)
    for row, text in (reading, listeners):
        async with client_of(app, authorization=f"Bearer {text}") as client:
            for body in ({"name": "more"}, {"name": "more", "listener": "Ada"}, {"name": "more", "listener": "Bob"}):
                assert (await client.post(PLACE, json=body)).status_code == 403
            for other in (reading[0], listeners[0]):
                assert (await client.delete(f"{PLACE}/{other.token_id}")).status_code == 403
            assert (await client.get(PLACE)).status_code == (200 if row.role == "owner" else 403)
    async with client_of(app) as stranger:
        assert (await stranger.post(PLACE, json={"name": "mine"})).status_code == 401
    assert {row.name for row in tokens.all()} == {"prometheus", "phone"}
    for row, _ in (reading, listeners):
        tokens.revoke(row.token_id)


async def test_a_token_that_reads_everything_changes_nothing(app: FastAPI, house: House) -> None:
    async with owner_client(app) as owner:
        made = (await owner.post(PLACE, json={"name": "prometheus"})).json()
    assert (made["role"], made["listener"]) == ("owner", "")
    opened = 0
    async with client_of(app, authorization=f"Bearer {made['token']}") as client:
        for method, route in every_route():
            if route.path in PUBLIC:
                continue
            answer = await client.request(method, filled(route.path))
            if method in SAFE and route.include_in_schema:
                assert answer.status_code not in (401, 403), f"{method} {route.path}"
                opened += answer.status_code == 200
            else:
                assert answer.status_code == 403, f"{method} {route.path}"
        for override in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
            answer = await client.get("/api/v1/listeners/Ada", headers={override: "DELETE"})
            assert (answer.status_code, answer.json()["name"]) == (200, "Ada")
        assert (await client.get("/metrics")).status_code == 200
        assert MARK in (await client.get("/api/v1/listeners/Bob/recent")).text
        assert [one["name"] for one in (await client.get("/api/v1/listeners")).json()["listeners"]] == ["Ada", "Bob"]
    assert opened > 20
    Tokens(house.ch).revoke(made["token_id"])


OTHERS = ("Bob", "bob", " BOB ", "Ｂｏｂ", "Bob\0", "Bob;x=Ada", "Ada/../Bob", "Ada,Bob", "Bob'--", "*", "%")
TRICKS = (
    "/api/v1/listeners/Ada/..%2FBob/recent",
    "/api/v1/listeners/Ada/%2e%2e/Bob/recent",
    "/api/v1/listeners/%42ob/recent",
    "/api/v1/listeners/%2542ob/recent",
    "/api/v1/listeners/Bob%2Frecent",
    "/api/v1/listeners/%2FBob/recent",
    "/API/v1/listeners/Bob/recent",
    "/%2Fapi/v1/listeners/Bob/recent",
    "/static/%2e%2e/api/v1/listeners/Bob/recent",
    "/healthz/%2e%2e/api/v1/listeners/Bob/recent",
    "/healthz%3F/../api/v1/listeners/Bob/recent",
    f"/api/v1/listeners/Ada/imports/{IMPORT}",
    f"/api/v1/listeners/Ada/imports/{IMPORT}/stream",
    f"/api/v1/dead-letters/{LETTER}",
    f"/api/v1/dead-letters?import={IMPORT}",
    "/api/v1/dead-letters",
    "/api/v1/artists",
    "/api/v1/sql?query=SELECT%20title%20FROM%20v_plays",
    "/metrics",
    "/history?listener=Bob",
    "/connect?listener=Bob",
    "/?listener=Bob",
)


async def test_nothing_of_another_listener_comes_out_of_a_listeners_token(app: FastAPI, house: House) -> None:
    row, text = Tokens(house.ch).add("phone", "listener", house.seeded.ada.id)
    bob = house.seeded.bob.listener
    lower = ("", "/recent", "/top/tracks?window=all", "/export", "/imports", f"/imports/{IMPORT}", "/commands")
    named = [
        f"/api/v1/listeners/{quote(name, safe='')}{below}" for name in (*OTHERS, bob, bob.upper()) for below in lower
    ]
    by_id = [
        f"/api/v1/listeners/Ada/commands/{house.command}",
        f"/api/v1/commands/{house.command}",
        f"/api/v1/held/{bob}",
    ]
    async with owner_client(app) as owner:  # it is there to be found
        for path in (*named[:1], "/api/v1/dead-letters", f"/api/v1/commands/{house.command}"):
            assert (await owner.get(path)).status_code == 200
        for path in named[1:3] + named[4:7]:
            assert MARK in (await owner.get(path)).text, path
        assert MARK.encode() in unzipped((await owner.get(named[3])).content)
    async with client_of(app, authorization=f"Bearer {text}") as client:
        for path in (*named, *by_id, *TRICKS):
            answer = await client.get(path)
            assert 300 <= answer.status_code < 500, f"{path}: {answer.status_code}"
            assert MARK not in answer.text, path
        asked = {"query": "SELECT * FROM v_plays"}
        for path in ("sql", "backup", "archive", "dead-letters/replay"):
            assert (await client.post(f"/api/v1/{path}", json=asked)).status_code == 403

        home = "/api/v1/listeners/Ada"
        for query in ({"listener": "Bob"}, {"listener": bob}, {"cursor": house.play}):
            plays = (await client.get(f"{home}/recent", params={**query, "limit": 200})).json()["plays"]
            assert len(plays) == (0 if "cursor" in query else 30)
        for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Uri"):
            answer = await client.get(f"{home}/recent", headers={name: "/api/v1/listeners/Bob/recent"})
            assert (answer.status_code, MARK in answer.text) == (200, False)
        for below in lower[1:3] + lower[4:5] + lower[6:]:
            answer = await client.get(home + below)
            assert (answer.status_code, MARK in answer.text) == (200, False), below
        export = unzipped((await client.get(f"{home}/export")).content)
        assert b"Sinnerman" in export
        assert MARK.encode() not in export
        assert bob.encode() not in export
        page = await client.get("/")
        assert "Sinnerman" in page.text
        assert MARK not in page.text
        assert "Bob" not in page.text
    async with client_of(app, authorization="Bearer ", cookie=f"{COOKIE}={text}") as client:
        assert (await client.get(f"{home}/recent")).status_code == 401, "a token is no session"
    Tokens(house.ch).revoke(row.token_id)


async def test_a_token_is_taken_from_its_header_alone(app: FastAPI, house: House) -> None:
    row, text = Tokens(house.ch).add("phone", "listener", house.seeded.ada.id)
    headers = ({"Authorization": f"Basic {text}"}, {"Authorization": f"Bearer {text[:-1]}"}, {"X-Api-Key": text})
    async with client_of(app) as client:
        for given in (*headers, {"Authorization": f"Bearer {text.upper()}"}, {"Cookie": f"{COOKIE}={text}"}):
            assert (await client.get("/api/v1/listeners", headers=given)).status_code == 401
        for name in ("token", "access_token", "authorization"):
            assert (await client.get("/api/v1/listeners", params={name: text})).status_code == 401
        assert (await client.get("/api/v1/listeners", headers={"Authorization": f"bearer  {text}"})).status_code == 200
    Tokens(house.ch).revoke(row.token_id)


async def test_an_erased_listeners_token_is_gone(engine: ClickHouse, tmp_path: Path) -> None:
    with fresh_database() as ch:
        seeded = seed(ch, Writer(ch, threading.Event()), plays=1)
        app = create_app(services(ch, tmp_path, settings=settings(tmp_path, sign_in=True)))
        _, text = Tokens(ch).add("Ada's phone", "listener", seeded.ada.id)
        Tokens(ch).add("Bob's phone", "listener", seeded.bob.id)
        async with client_of(app, authorization=f"Bearer {text}") as client:
            assert (await client.get("/api/v1/listeners/Ada")).status_code == 200
            erase_listener(ch, seeded.ada.id)
            assert (await client.get("/api/v1/listeners")).status_code == 401
        async with owner_client(app) as owner:
            assert [one["name"] for one in (await owner.get(PLACE)).json()["tokens"]] == ["Bob's phone"]
