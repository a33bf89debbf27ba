"""Trips through the API, down to the stamped plays: proposed, accepted, changed, refused; and countries forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from sinks.tokens import Tokens
from sinks.travel import Travel
from streams.contracts.events import PlayRecorded
from streams.contracts.ids import to_hex
from streams.contracts.ports import ZonePeriod
from tests.api.test_corrections import ADA, BEN, HOME, OTHER, Straight, call
from tests.api.test_corrections import house as house  # noqa: PLC0414 - a fixture
from tests.streams.commands_bench import House
from tests.streams.worlds import heard
from tests.support.web import client_of, owner_client, services, settings

DAY = 86_400
JAPAN, AMERICA = "JP-2025-06-25", "US-2025-07-05"


def played(first: int, last: int, country: str, listener: int = ADA) -> list[PlayRecorded]:
    """Four plays a day of some days, from 15 June 2025 on, 15:06 UTC."""
    return [
        heard(DAY * day + 7_200 * part, track=part, country=country, listener=to_hex(listener))
        for day in range(first, last)
        for part in range(4)
    ]


@pytest.fixture
def app(house: House, tmp_path: Path) -> FastAPI:
    house.take([*played(0, 10, "DE"), *played(10, 15, "JP"), *played(15, 20, "DE"), *played(20, 24, "US")])
    house.take([heard(DAY * 3 + 50_000, country="AU"), *played(0, 3, "DE", BEN)])
    return create_app(services(house.ch, tmp_path, publisher=Straight(house)))


async def trips(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {one["trip"]: one for one in (await call(client, "GET", f"{HOME}/travel"))["travel"]}


def zones(house: House) -> dict[str, int]:
    """Plays by the zone that they were stamped in."""
    found = house.ch.query(
        "SELECT time_zone, count() FROM v_plays WHERE listener = {l:UInt64} GROUP BY time_zone", {"l": ADA}
    )
    return dict(found)


async def test_a_trip_is_proposed_accepted_changed_and_taken_back(app: FastAPI, house: House) -> None:
    async with owner_client(app) as client:
        assert list(await trips(client)) == [AMERICA, JAPAN]
        japan = (await trips(client))[JAPAN]
        assert {key: japan[key] for key in ("country", "state", "plays", "zone", "told_in")} == {
            "country": "JP", "state": "proposed", "plays": 20, "zone": "Asia/Tokyo", "told_in": "Asia/Tokyo",
        }  # fmt: skip
        assert (japan["first"], japan["last"]) == ("2025-06-26T00:03", "2025-06-30T06:07")
        assert japan["starts_at"] == "2025-06-25T15:03:00Z"
        assert zones(house) == {"Europe/Berlin": 97}

        asked = await call(client, "POST", f"{HOME}/travel/{JAPAN}/accept")
        assert (await call(client, "GET", f"{HOME}/commands/{asked['command_id']}"))["state"] == "done"
        assert zones(house) == {"Europe/Berlin": 77, "Asia/Tokyo": 20}
        assert (await trips(client))[JAPAN]["state"] == "accepted"

        changed = {"zone": "Asia/Seoul", "from": "2025-06-27", "to": "2025-06-28"}
        await call(client, "POST", f"{HOME}/travel/{JAPAN}/accept", json=changed)
        # two whole days of Seoul: of four plays a day from 00:03 on, all are of the next local day
        assert zones(house) == {"Europe/Berlin": 89, "Asia/Seoul": 8}
        korea = (await trips(client))[JAPAN]
        assert (korea["zone"], korea["first"], korea["last"]) == ("Asia/Seoul", "2025-06-27T00:00", "2025-06-29T00:00")

        assert (await client.post(f"{HOME}/travel/{JAPAN}/refuse")).status_code == 409
        await call(client, "DELETE", f"{HOME}/travel/{JAPAN}")
        assert zones(house) == {"Europe/Berlin": 97}
        assert (await trips(client))[JAPAN]["state"] == "proposed"
        assert house.reader.listener("l0").periods() == (ZonePeriod(0, "Europe/Berlin"),)


async def test_a_country_with_several_clocks_is_asked_for_and_never_guessed(app: FastAPI, house: House) -> None:
    async with owner_client(app) as client:
        america = (await trips(client))[AMERICA]
        assert america["zone"] == "" and america["told_in"] == "Europe/Berlin"
        assert america["choices"][0] == {
            "zone": "America/New_York", "about": "Eastern (most areas)", "utc_offset_minutes": -240,
        }  # fmt: skip
        answer = await client.post(f"{HOME}/travel/{AMERICA}/accept", json={})
        assert answer.status_code == 400
        assert "America/New_York" in answer.json()["cure"]
        assert zones(house) == {"Europe/Berlin": 97}, "nothing was changed"
        await call(client, "POST", f"{HOME}/travel/{AMERICA}/accept", json={"zone": "America/Denver"})
        assert zones(house) == {"Europe/Berlin": 81, "America/Denver": 16}


async def test_a_refusal_is_remembered_also_when_the_trip_grows_a_little(app: FastAPI, house: House) -> None:
    async with owner_client(app) as client:
        refused = await call(client, "POST", f"{HOME}/travel/{JAPAN}/refuse")
        assert [(one["trip"], one["state"]) for one in refused["travel"]] == [
            (AMERICA, "proposed"),
            (JAPAN, "refused"),
        ]
        house.take(played(9, 10, "JP"))  # as many as from home, of the day before
        house.take(heard_later("JP", 10))
        assert [name for name, one in (await trips(client)).items() if one["state"] == "proposed"] == [AMERICA]
        await call(client, "POST", f"{HOME}/travel/{JAPAN}/accept")
        assert zones(house)["Asia/Tokyo"] >= 20, "who refused may accept"


def heard_later(country: str, day: int) -> list[PlayRecorded]:
    return [heard(DAY * day - 30_000 + 400 * n, track=n, country=country) for n in range(4)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"zone": "Asia/Tokio"}, "is not a time zone"),
        ({"from": "yesterday"}, "is no moment"),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "no moment"),
        ({"from": "2025-07-01", "to": "2025-06-01"}, "ends after it begins"),
        ({"from": "0001-01-01T00:00+14:00"}, "ends after it begins"),
        ({"from": "1971-01-01"}, "ends after it begins"),
        ({"zone": "../../etc/passwd"}, "is not a time zone"),
    ],
)
async def test_what_makes_no_trip_is_refused_and_changes_nothing(
    app: FastAPI, house: House, body: dict[str, str], said: str
) -> None:
    async with owner_client(app) as client:
        answer = await client.post(f"{HOME}/travel/{JAPAN}/accept", json=body)
        assert answer.status_code == 400 and said in answer.json()["detail"], answer.text
        assert (await trips(client))[JAPAN]["state"] == "proposed"
    assert house.reader.listener("l0").periods() == (ZonePeriod(0, "Europe/Berlin"),)


async def test_trips_are_the_listeners_own_and_decided_by_the_owner(app: FastAPI, house: House, tmp_path: Path) -> None:
    _, token = Tokens(house.ch).add("phone", "listener", ADA)
    given = services(house.ch, tmp_path, publisher=Straight(house), settings=settings(tmp_path, sign_in=True))
    async with client_of(create_app(given), authorization=f"Bearer {token}") as client:
        assert len(await trips(client)) == 2
        assert (await client.get(f"{OTHER}/travel")).status_code == 404
        for method, path in (
            ("POST", f"travel/{JAPAN}/accept"),
            ("POST", f"travel/{JAPAN}/refuse"),
            ("DELETE", f"travel/{JAPAN}"),
            ("DELETE", "countries"),
            ("POST", "countries"),
        ):
            assert (await client.request(method, f"{HOME}/{path}")).status_code == 403
    async with owner_client(app) as client:
        assert (await call(client, "GET", f"{OTHER}/travel"))["travel"] == []
        for name in ("FR-2025-06-25", JAPAN):
            assert (await client.post(f"{OTHER}/travel/{name}/accept")).status_code == 404
        assert (await client.delete(f"{HOME}/travel/{JAPAN}")).status_code == 404, "nothing was decided"


async def test_without_a_worker_nothing_is_changed(house: House, tmp_path: Path) -> None:
    house.take([*played(0, 10, "DE"), *played(10, 15, "JP")])
    async with owner_client(create_app(services(house.ch, tmp_path))) as client:
        assert (await client.post(f"{HOME}/travel/{JAPAN}/accept")).status_code == 503
        assert (await trips(client))[JAPAN]["state"] == "proposed"
    assert house.reader.listener("l0").periods() == (ZonePeriod(0, "Europe/Berlin"),)


async def test_countries_are_forgotten_and_what_was_accepted_stays(app: FastAPI, house: House) -> None:
    async with owner_client(app) as client:
        await call(client, "POST", f"{HOME}/travel/{JAPAN}/accept")
        before, sightings = house.plays(), house.brought()
        await call(client, "DELETE", f"{HOME}/countries")
        after = await call(client, "GET", f"{HOME}/travel")
        assert ([one["trip"] for one in after["travel"]], after["countries_kept"]) == ([JAPAN], False)
        assert house.brought() == sightings
        assert {key: {**row, "country": ""} for key, row in before.items() if key[0] == ADA} == {
            key: row for key, row in house.plays().items() if key[0] == ADA
        }
        for table in ("sightings", "plays"):  # every part, merged or not
            kept = house.ch.query(f"SELECT DISTINCT listener FROM {table} WHERE country != ''")
            assert kept == [(BEN,)], "of others nothing was touched"
        house.take([*played(10, 12, "JP"), *played(30, 34, "BR")])  # known ones again, and later ones
        house.do("restamp")
        assert house.ch.scalar("SELECT count() FROM sightings FINAL WHERE listener = {l:UInt64}", {"l": ADA}) == 113
        assert not house.ch.query("SELECT 1 FROM sightings WHERE country != '' AND listener = {l:UInt64}", {"l": ADA})
        assert zones(house)["Asia/Tokyo"] == 20
        assert (await call(client, "GET", f"{HOME}/corrections"))["corrections"] == []
        await call(client, "POST", f"{HOME}/countries")
        house.take(played(40, 44, "BR"))
        assert (await call(client, "GET", f"{HOME}/travel"))["travel"][0]["country"] == "BR"


async def test_nothing_of_it_outlives_an_erasure(app: FastAPI, house: House) -> None:
    async with owner_client(app) as client:
        await call(client, "POST", f"{HOME}/travel/{JAPAN}/refuse")
        assert len(Travel(house.ch).decided(ADA)) == 1
        await call(client, "DELETE", HOME)
    assert Travel(house.ch).decided(ADA) == [] and house.ch.scalar("SELECT count() FROM travel") == 0
