"""Undoing, hiding, merging and replaying through the API, down to the rows, and within one listener."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from msgspec import Struct
from msgspec.structs import replace

from api.app import create_app
from sinks.clickhouse import ClickHouse
from sinks.dead_letters import DeadLetters, Replay
from sinks.imports import Imports
from sinks.listeners import Listeners
from sinks.tokens import Tokens
from streams.contracts import codec
from streams.contracts.ids import from_hex, to_hex
from streams.contracts.ports import ListenerSettings, ZonePeriod
from streams.contracts.record import Record
from streams.contracts.topics import LISTENER_COMMAND, PLAY_RECORDED, Topic
from streams.pipeline import now_ms
from tests.streams.commands_bench import House
from tests.streams.worlds import LISTENER, heard
from tests.support.web import client_of, owner_client, services, settings

ADA, BEN = LISTENER, LISTENER + 1
HOME, OTHER = f"/api/v1/listeners/{to_hex(ADA)}", f"/api/v1/listeners/{to_hex(BEN)}"
X = "00000000000000aa"


class Straight:
    """Kafka and a worker without the wait: what is published is worked on, and committed."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.offset = 0

    async def publish(self, topic: Topic, event: Struct, *, key: str) -> None:
        assert topic is LISTENER_COMMAND
        await asyncio.to_thread(self.house.carry_out, from_hex(key))

    async def publish_raw(self, topic: Topic, key: bytes | None, value: bytes | None, headers: Sequence[Any]) -> None:
        self.offset += 1
        record = Record(topic.name, 0, self.offset, now_ms(), key, value, tuple(headers))
        await asyncio.to_thread(self.house.pipeline.run, [record])

    async def flush(self) -> None:
        return

    async def settled(self) -> None:
        return


@pytest.fixture
def house(clickhouse: ClickHouse) -> House:
    return House(clickhouse, (ADA, BEN), clock=now_ms)


@pytest.fixture
def app(house: House, tmp_path: Path) -> FastAPI:
    return create_app(services(house.ch, tmp_path, publisher=Straight(house)))


async def call(client: httpx.AsyncClient, method: str, path: str, **options: Any) -> Any:
    answer = await client.request(method, path, **options)
    assert answer.is_success, answer.text
    return answer.json()


async def test_an_import_is_undone(app: FastAPI, house: House) -> None:
    imports = Imports(house.ch)
    imports.start(ADA, from_hex(X), ["a.json"])
    house.take([replace(heard(400 * n), import_id=X) for n in range(3)])
    async with owner_client(app) as client:
        place = f"{HOME}/imports/{X}"
        assert (await client.delete(place)).status_code == 409, "it still runs"
        imports.finish(from_hex(X), 3, 0, 1.0)
        assert (await client.delete(f"{OTHER}/imports/{X}")).status_code == 404
        asked = await call(client, "DELETE", place)
        command = await call(client, "GET", f"{HOME}/commands/{asked['command_id']}")
        assert (command["state"], command["kind"], command["arguments"]) == ("done", "undo-import", {"import": X})
        assert (await client.get(f"{OTHER}/commands/{asked['command_id']}")).status_code == 404
        assert (await call(client, "GET", place))["state"] == "undone"
        assert (await client.delete(place)).status_code == 409, "it was undone already"
        assert [one["kind"] for one in (await call(client, "GET", f"{HOME}/commands"))["commands"]] == ["undo-import"]
        assert (await call(client, "GET", f"{HOME}/recent"))["plays"] == []


async def test_a_listener_corrects_what_is_theirs_and_nothing_else(house: House, tmp_path: Path) -> None:
    house.take([heard(0), heard(400, track=4), heard(0, listener=to_hex(BEN))])
    given = services(house.ch, tmp_path, publisher=Straight(house), settings=settings(tmp_path, sign_in=True))
    _, token = Tokens(house.ch).add("phone", "listener", ADA)
    async with client_of(create_app(given), authorization=f"Bearer {token}") as client:
        play = (await call(client, "GET", f"{HOME}/recent"))["plays"][1]
        for path, body in (("hidden", {"play": play["play_id"]}), ("merges", {"track": "a", "into": "b"})):
            assert (await client.post(f"{OTHER}/{path}", json=body)).status_code == 404
        for path in ("hidden?artist=x", "merges?track=a"):
            assert (await client.delete(f"{OTHER}/{path}")).status_code == 404
        assert (await client.post(f"{HOME}/restamp")).status_code == 403
        assert (await client.delete(f"{HOME}/imports/{X}")).status_code == 403
        assert (await client.get("/api/v1/dead-letters")).status_code == 403
        assert (await client.post("/api/v1/dead-letters/replay", json={})).status_code == 403

        theirs = house.reader.recent(BEN)[0].play_id
        await call(client, "POST", f"{HOME}/hidden", json={"play": theirs})  # one of Ben's, by its id
        assert len(house.reader.recent(BEN)) == 1
        await call(client, "POST", f"{HOME}/hidden", json={"play": play["play_id"]})
        shown = (await call(client, "GET", f"{HOME}/recent"))["plays"]
        assert [one["title"] for one in shown] == ["Naima"]
        every = (await call(client, "GET", f"{HOME}/recent?hidden=true"))["plays"]
        assert [(one["title"], one["hidden"]) for one in every] == [("Naima", False), ("Blue Train", True)]
        assert [one["label"] for one in (await call(client, "GET", f"{HOME}/corrections"))["corrections"]] == [
            "John Coltrane – Blue Train"
        ]
        await call(client, "DELETE", f"{HOME}/hidden?play={play['play_id']}")
        assert len((await call(client, "GET", f"{HOME}/recent"))["plays"]) == 2
        for body in ({}, {"play": play["play_id"], "artist": "x"}, {"artist": "  "}):
            assert (await client.post(f"{HOME}/hidden", json=body)).status_code == 400


def refused(import_id: str = "", origin: str = "", **said: Any) -> Record:
    """A record of somebody who is not there yet."""
    event = heard(0, listener=to_hex(77), import_id=import_id, **said)
    headers = [*codec.headers(import_id=import_id, origin=origin), ("x", b"\xff"), ("x", b"2")]
    return Record(PLAY_RECORDED.name, 2, 9, now_ms() - 5000, event.listener.encode(), codec.encode(event), headers)


def add(house: House, listener: int, name: str) -> None:
    Listeners(house.ch).put(ListenerSettings(listener=listener, name=name, zones=(ZonePeriod(0, "UTC"),)))


async def test_a_dead_letter_is_shown_whole_and_published_again(app: FastAPI, house: House) -> None:
    first = refused()
    house.pipeline.run([first, Record(PLAY_RECORDED.name, 2, 10, now_ms(), None, b"{\xff", ())])
    async with owner_client(app) as client:
        broken, unknown = (await call(client, "GET", "/api/v1/dead-letters"))["dead_letters"]
        if broken["reason"] != "not-utf8":
            broken, unknown = unknown, broken
        shown = await call(client, "GET", f"/api/v1/dead-letters/{unknown['dead_letter_id']}")
        assert shown["payload"].encode() == first.value and shown["key"] == to_hex(77)
        assert [one["name"] for one in shown["headers"]] == [name for name, _ in first.headers]
        assert (shown["reason"], shown["topic"], shown["partition"], shown["offset"]) == (
            "unknown-listener", PLAY_RECORDED.name, 2, 9,
        )  # fmt: skip
        kept = DeadLetters(house.ch).get(from_hex(unknown["dead_letter_id"]))
        assert kept is not None and kept.headers == tuple((n, v or b"") for n, v in first.headers)
        assert (kept.key, kept.payload, kept.published_at) == (first.key, first.value, first.timestamp)

        for _ in range(2):  # refused again: the same letters, and no others
            await asyncio.sleep(0.005)
            done = await call(client, "POST", "/api/v1/dead-letters/replay", json={})
            assert sorted(done["refused"]) == sorted([broken["dead_letter_id"], unknown["dead_letter_id"]])
            assert done["stored"] == done["waiting"] == [] and done["skipped"] == {}
            again = DeadLetters(house.ch).get(from_hex(unknown["dead_letter_id"]))
            assert again is not None and again.headers == kept.headers and again.published_at == kept.published_at
        assert house.ch.scalar("SELECT count() FROM v_dead_letters") == 2

        add(house, 77, "Cy")
        done = await call(client, "POST", "/api/v1/dead-letters/replay", json={"reason": "unknown-listener"})
        assert done["stored"] == [unknown["dead_letter_id"]]
        done = await call(client, "POST", "/api/v1/dead-letters/replay", json={"ids": [unknown["dead_letter_id"]]})
        assert done["skipped"] == {unknown["dead_letter_id"]: "it was stored already"}
        waiting = (await call(client, "GET", "/api/v1/dead-letters?waiting=true"))["dead_letters"]
        assert [one["dead_letter_id"] for one in waiting] == [broken["dead_letter_id"]]
        assert house.ch.scalar("SELECT count() FROM v_sightings") == 1
        assert house.ch.scalar("SELECT published_at FROM v_sightings").timestamp() * 1000 == pytest.approx(
            heard(0).published_at
        )
        assert (await client.get(f"/api/v1/dead-letters/{'0' * 16}")).status_code == 404


async def test_a_replay_keeps_the_reconciliation_right(app: FastAPI, house: House) -> None:
    imports, number = Imports(house.ch), from_hex(X)
    imports.start(77, number, ["a.json"])
    house.pipeline.run([refused(X, "a.json#1"), refused(X, "a.json#2", track=4)])
    async with owner_client(app) as client:
        done = await call(client, "POST", "/api/v1/dead-letters/replay", json={"import_id": X})
        assert set(done["skipped"].values()) == {"its import still runs"}
        report = imports.finish(number, 2, 0, 1.5)
        assert (report.read, report.stored, report.refused) == (2, 0, {"unknown-listener": 2})
        add(house, 77, "Cy")
        found = (await call(client, "GET", f"/api/v1/dead-letters?import={X}"))["dead_letters"]
        one, two = sorted(found, key=lambda row: str(row["origin"]))
        await call(client, "POST", "/api/v1/dead-letters/replay", json={"ids": [one["dead_letter_id"]]})
        row = house.reader.one_import(77, X)
        assert row is not None and row.report is not None and row.state == "done"
        assert (row.report["stored"], row.report["refused"], row.report["plays_new"]) == (1, {"unknown-listener": 1}, 1)
        done = await call(client, "POST", "/api/v1/dead-letters/replay", json={"import_id": X})
        assert done["stored"] == [two["dead_letter_id"]]
        row = house.reader.one_import(77, X)
        assert row is not None and row.report is not None and (row.report["stored"], row.report["refused"]) == (2, {})
        await call(client, "DELETE", f"/api/v1/listeners/{to_hex(77)}/imports/{X}")
        assert house.ch.scalar("SELECT count() FROM v_dead_letters") == 0
        assert house.ch.scalar("SELECT count() FROM v_sightings") == 0


def test_what_is_waited_for_is_not_stored_by_hope(house: House) -> None:
    house.pipeline.run([refused()])
    letters = DeadLetters(house.ch)
    (row,) = letters.newest()
    letters.replayed([Replay(from_hex(row.dead_letter_id), 77, 5, heard(0).reported_end)])
    assert letters.settle() == [] and letters.newest(waiting=True) != []
