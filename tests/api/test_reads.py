"""What the routes answer over a real database: shapes, pages, windows, problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.services import Finding, Services
from sinks.clickhouse import ClickHouse
from sinks.commands import Commands
from sinks.connections import ClickHouseConnections
from sinks.tokens import Tokens
from streams.contracts.errors import StoreUnavailable
from streams.contracts.ports import Command, Connection
from streams.metrics import Metrics
from tests.api.conftest import Library
from tests.support.web import Seeded, client_of, services, settings

ADA = "/api/v1/listeners/Ada"
HABITS = ("week", "calendar", "streaks", "sessions", "mainstream", "evolution", "discovery", "library")


@pytest.fixture
def seeded(library: Library) -> Seeded:
    return library.seeded


@pytest.fixture
def app(library: Library, tmp_path: Path) -> FastAPI:
    return create_app(services(library.ch, tmp_path))


async def get(app: FastAPI, path: str, **params: Any) -> Any:
    async with client_of(app) as client:
        answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_pages_of_recent_plays_hold_each_play_once(app: FastAPI) -> None:
    whole = (await get(app, f"{ADA}/recent", limit=500))["plays"]
    seen: list[str] = []
    cursor = None
    pages = 0
    while True:
        page = await get(app, f"{ADA}/recent", limit=7, **({"cursor": cursor} if cursor else {}))
        seen += [play["play_id"] for play in page["plays"]]
        pages += 1
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [play["play_id"] for play in whole]
    assert len(set(seen)) == 30
    assert pages == 5
    ends = [play["ended_at"] for play in whole]
    assert ends == sorted(ends, reverse=True)
    assert whole[0]["local_time"] == whole[0]["started_at"][11:16], "the seeded plays are stamped in UTC"


async def test_a_listener_is_found_by_name_and_id(app: FastAPI, seeded: Seeded) -> None:
    by_id = await get(app, f"/api/v1/listeners/{seeded.ada.listener}")
    assert by_id == await get(app, "/api/v1/listeners/ada")
    assert by_id["time_zone"] == "Europe/Lisbon"
    assert by_id["connection"] == "none"


async def test_rankings_clock_and_totals_agree(app: FastAPI) -> None:
    top = await get(app, f"{ADA}/top/artists", window="all")
    assert top["rows"][0]["name"] == "Nina Simone"
    assert sum(row["plays"] for row in top["rows"]) == 30
    clock = await get(app, f"{ADA}/clock", window="all")
    assert [row["hour"] for row in clock["hours"]] == list(range(24))
    totals = await get(app, f"{ADA}/totals", window="all")
    assert totals["plays"] == sum(row["plays"] for row in clock["hours"]) == 30
    assert totals["artists"] == 4
    coverage = await get(app, f"{ADA}/genres/coverage", window="all")
    assert (coverage["plays"], coverage["known"]) == (30, 24)
    by_minutes = await get(app, f"{ADA}/top/tracks", window="all", by="minutes", limit=2)
    assert len(by_minutes["rows"]) == 2
    assert by_minutes["rows"][0]["minutes"] == pytest.approx(20.0)


async def test_not_enough_data_is_an_answer(app: FastAPI) -> None:
    profile = await get(app, f"{ADA}/profile")
    assert profile["persona"] is None
    assert profile["reasons"]
    assert profile["name"] == "Ada"


@pytest.mark.parametrize(
    ("path", "status", "exit_code"),
    [
        ("/api/v1/listeners/nobody/recent", 404, 2),
        (f"{ADA}/clock?window=soon", 400, 2),
        (f"{ADA}/top/shoes", 422, 2),
        (f"{ADA}/recent?limit=0", 422, 2),
        (f"{ADA}/recent?cursor=x", 422, 2),
        (f"{ADA}/now/stream", 503, 1),
        (f"{ADA}/imports/0000000000000001", 404, 2),
        ("/api/v1/no/such", 404, 2),
    ],
)
async def test_every_error_is_a_problem_detail(app: FastAPI, path: str, status: int, exit_code: int) -> None:
    async with client_of(app) as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["exit_code"] == exit_code
    assert problem["retriable"] is (status == 503)
    assert problem["type"].startswith("urn:spotifire:problem:")
    assert ("retry-after" in answer.headers) is (status == 503)


async def test_what_was_sent_is_not_repeated_in_an_error(app: FastAPI) -> None:
    async with client_of(app) as client:
        answer = await client.post(f"{ADA}/connection", json={"client_id": "x!", "client_secret": "hush" * 99})
    assert answer.status_code == 422
    assert "hush" not in answer.text


async def test_adding_and_changing_listeners(clickhouse: ClickHouse, tmp_path: Path) -> None:
    async with client_of(create_app(services(clickhouse, tmp_path))) as client:
        new = await client.post("/api/v1/listeners", json={"name": "Eve", "timezone": "Asia/Tokyo"})
        assert (new.status_code, new.json()["name"]) == (201, "Eve")
        again = await client.post("/api/v1/listeners", json={"name": "eve", "timezone": "UTC"})
        assert again.status_code == 409
        lost = await client.post("/api/v1/listeners", json={"name": "Mallory", "timezone": "Mars/Base"})
        assert lost.status_code == 400
        changed = await client.patch("/api/v1/listeners/Eve", json={"min_ms_played": 5000})
        assert changed.json()["min_ms_played"] == 5000
        # nobody here could stamp the plays again, so nothing is changed
        moved = await client.patch("/api/v1/listeners/Eve", json={"timezone": "Europe/Rome"})
        assert moved.status_code == 503
        assert (await client.get("/api/v1/listeners/Eve")).json()["time_zone"] == "Asia/Tokyo"


async def test_a_name_that_somebody_has_is_a_conflict_and_nothing_is_changed(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    given = services(clickhouse, tmp_path)
    assert given.listeners is not None
    for name in ("Eve", "Mallory"):
        given.listeners.add(name, "Asia/Tokyo")
    before = given.listeners.get("Mallory")
    async with client_of(create_app(given)) as client:
        added = await client.post("/api/v1/listeners", json={"name": "EVE", "timezone": "UTC"})
        renamed = await client.patch("/api/v1/listeners/Mallory", json={"name": "eve", "min_ms_played": 1})
        own = await client.patch("/api/v1/listeners/Mallory", json={"name": "Mallory"})
    assert [added.status_code, renamed.status_code, own.status_code] == [409, 409, 200]
    assert added.json() == renamed.json()
    assert added.json()["exit_code"] == 2
    assert given.listeners.get("Mallory") == before


class OneByOne(ClickHouseConnections):
    """Counts what it is asked."""

    asked = 0

    def _read(self, where: str, params: dict[str, int]) -> list[Connection]:
        self.asked += 1
        return super()._read(where, params)


async def test_all_listeners_connections_are_one_query(clickhouse: ClickHouse, tmp_path: Path) -> None:
    connections = OneByOne(clickhouse)
    given = services(clickhouse, tmp_path, connections=connections)
    assert given.listeners is not None
    rows = [given.listeners.add(f"L{number}", "UTC") for number in range(5)]
    connections.put(
        Connection(listener=rows[3].id, client_id="id", client_secret="", refresh_token="gA", state="connected")
    )
    async with client_of(create_app(given)) as client:
        listed = (await client.get("/api/v1/listeners")).json()["listeners"]
        asked = connections.asked
        alone = [(await client.get(f"/api/v1/listeners/L{number}")).json() for number in range(5)]
    assert asked == 1
    assert listed == alone
    assert [one["connection"] for one in listed] == ["none", "none", "none", "connected", "none"]


async def test_sql_reads_views_and_no_secrets(app: FastAPI) -> None:
    async with client_of(app) as client:
        good = await client.post("/api/v1/sql", json={"query": "SELECT count() AS plays FROM v_plays"})
        assert good.json() == {"columns": ["plays"], "rows": [[33]]}
        for query in ("SELECT * FROM connections", "DROP TABLE plays", "SELECT * FROM file('/etc/passwd')", "SELEC"):
            bad = await client.post("/api/v1/sql", json={"query": query})
            assert 400 <= bad.status_code < 500, query
        big = await client.post("/api/v1/sql", json={"query": "SELECT toUInt64(18446744073709551615) AS n"})
        assert big.json()["rows"] == [["18446744073709551615"]]


async def test_doctor_tells_a_failed_check_from_a_good_one(library: Library, tmp_path: Path) -> None:
    async def good() -> list[Finding]:
        return [Finding(part="disk", state="ok", detail="12 GiB free")]

    async def broken() -> list[Finding]:
        raise StoreUnavailable("ClickHouse does not answer.", cure="Start it.")

    async def wrong() -> list[Finding]:
        raise KeyError("hush")

    app = create_app(services(library.ch, tmp_path, checks=(good, broken, wrong)))
    findings = (await get(app, "/api/v1/doctor"))["findings"]
    assert [finding["state"] for finding in findings] == ["ok", "failed", "failed"]
    assert "hush" not in str(findings)
    assert findings[1]["cure"] == "Start it."


async def test_ready_says_which_part_is_down(library: Library, tmp_path: Path) -> None:
    async def up() -> bool:
        return True

    async def down() -> bool:
        raise StoreUnavailable("no")

    async with client_of(create_app(services(library.ch, tmp_path, ready={"kafka": up}))) as client:
        assert (await client.get("/readyz")).status_code == 200
    async with client_of(create_app(services(library.ch, tmp_path, ready={"kafka": up, "store": down}))) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"kafka": "up", "store": "down"}


async def test_metrics_name_routes_and_never_listeners(library: Library, tmp_path: Path) -> None:
    worker = Metrics()
    worker.worked("music.play.recorded.v1", 3, 0.1, stored=3)
    app = create_app(services(library.ch, tmp_path, registry=worker.registry))
    async with client_of(app) as client:
        await client.get(f"{ADA}/recent")
        await client.get("/no/such")
        text = (await client.get("/metrics")).text
    assert 'spotifire_api_requests_total{method="GET",route="/api/v1/listeners/{listener}/recent",status="200"}' in text
    assert "spotifire_sightings_stored_total 3.0" in text
    assert "Ada" not in text


async def test_erasing_without_a_worker_promises_nothing(app: FastAPI, library: Library) -> None:
    async with client_of(app) as client:
        assert (await client.delete(ADA)).status_code == 503
        assert (await client.get(ADA)).status_code == 200
    left: list[Command] = list(Commands(library.ch).all_open())
    assert left == []


async def test_a_process_without_a_database_says_so(tmp_path: Path) -> None:
    async with client_of(create_app(Services(settings=settings(tmp_path)))) as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/api/v1/listeners")
    assert answer.status_code == 503


async def test_the_document_describes_every_route_with_its_problems(app: FastAPI) -> None:
    document = await get(app, "/api/v1/openapi.json")
    operations = [op for methods in document["paths"].values() for op in methods.values()]
    assert len(operations) > 25
    assert all(op.get("summary") for op in operations)
    assert all("application/problem+json" in op["responses"]["default"]["content"] for op in operations)


async def test_every_example_is_an_answer_of_its_route(app: FastAPI) -> None:
    document = await get(app, "/api/v1/openapi.json")
    held = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for answer in operation["responses"].values():
                content = answer.get("content", {}).get("application/json", {})
                if "example" in content and content.get("schema"):
                    schema = {**content["schema"], "components": document["components"]}
                    try:
                        jsonschema.Draft202012Validator(schema).validate(content["example"])
                    except jsonschema.ValidationError as error:
                        pytest.fail(f"{method} {path}: {error.message}")
                    held += 1
    assert held >= 12


async def test_habits_agree_with_the_totals(app: FastAPI) -> None:
    totals = await get(app, f"{ADA}/totals", window="all")
    week = await get(app, f"{ADA}/week", window="all")
    assert [(row["weekday"], row["hour"]) for row in week["hours"]] == [(d, h) for d in range(1, 8) for h in range(24)]
    days = (await get(app, f"{ADA}/calendar", window="all"))["days"]
    evolution = (await get(app, f"{ADA}/evolution", window="all", per="week"))["rows"]
    mainstream = (await get(app, f"{ADA}/mainstream", window="all", per="week"))["rows"]
    discovery = (await get(app, f"{ADA}/discovery", window="all", per="season"))["rows"]
    for rows in (week["hours"], days, evolution, mainstream, discovery):
        assert sum(row["plays"] for row in rows) == totals["plays"] == 30
    assert len(days) == totals["days"]
    assert sum(row["new_artists"] for row in discovery) == totals["artists"] == 4
    assert sum(row["new_tracks"] for row in discovery) == totals["tracks"]
    assert {row["index"] for row in mainstream} == {None}, "no catalogue knows anybody's popularity"
    streaks = await get(app, f"{ADA}/streaks", window="all")
    assert streaks["longest"]["days"] == totals["days"] and streaks["current"] == streaks["longest"]
    sessions = await get(app, f"{ADA}/sessions", window="all", limit=2)
    assert (sessions["sessions"], len(sessions["rows"])) == (30, 2), "43 minutes of silence between any two"


async def test_the_library_against_the_plays(app: FastAPI, library: Library) -> None:
    answer = await get(app, f"{ADA}/library", limit=1)
    assert {(look["kind"], look["total"]) for look in answer["looks"]} == {
        ("saved-track", 3), ("followed-artist", 2), ("top-artist", 1)
    }  # fmt: skip
    never = answer["never_played"]
    assert (never["saved"], never["never_played"], len(never["rows"])) == (3, 2, 1), "the limit bounds the list alone"
    followed = answer["followed"]
    assert (followed["heard"], followed["never"], followed["rows"][0]["artist"]) == (1, 1, "Kraftwerk")
    (favourite,) = answer["favourites"]["artists"]
    assert (favourite["artist"], favourite["short"], favourite["long"], favourite["trend"]) == ("Björk", 1, None, "new")
    assert answer["favourites"]["tracks"] == []
    plays = answer["well_known"][0]
    assert (plays["what"], plays["items"], plays["coverage"], plays["index"]) == ("plays", 30, 0.0, None)


async def test_a_library_that_nobody_looked_at_is_empty(app: FastAPI) -> None:
    answer = await get(app, "/api/v1/listeners/Bob/library")
    assert answer["looks"] == answer["favourites"]["artists"] == answer["never_played"]["rows"] == []
    assert answer["followed"]["followed"] == 0


async def test_one_listener_never_reads_anothers_habits(app: FastAPI, seeded: Seeded, library: Library) -> None:
    _, token = Tokens(library.ch).add("Bob's", "listener", seeded.bob.id)
    async with client_of(app, authorization=f"Bearer {token}") as client:
        for what in HABITS:
            assert (await client.get(f"{ADA}/{what}")).status_code == 404, what
            own = await client.get(f"/api/v1/listeners/Bob/{what}", params={"window": "all"})
            assert own.status_code == 200 and "Björk LP" not in own.text and "Kraftwerk" not in own.text
        week = (await client.get("/api/v1/listeners/Bob/week", params={"window": "all"})).json()
        assert sum(row["plays"] for row in week["hours"]) == 3
        assert (await client.get("/api/v1/artists")).status_code == 403, "it would tell what others hear"
