"""Push and check against a small stand-in over real HTTP.

It is no Grafana (none can be had where this is developed): it knows the six routes that the client
uses, with the status codes and the shapes of Grafana's own HTTP API.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from grafana.client import GrafanaProblem, GrafanaSettings, check, push
from grafana.query import PLUGIN
from grafana.render import rendered

TOKEN = "glsa_test"


class StandIn:
    """What the stand-in holds."""

    def __init__(self) -> None:
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.sources: list[dict[str, Any]] = [{"uid": "u1", "name": "ClickHouse", "type": PLUGIN}]
        self.health: tuple[int, dict[str, Any]] = (200, {"status": "OK", "message": "Data source is working"})
        self.provisioned = False

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        match method, path.removeprefix("/api").split("/")[1:]:
            case "GET", ["folders", uid]:
                return (200, {"uid": uid}) if uid in self.folders else (404, {"message": "folder not found"})
            case "POST", ["folders"]:
                self.folders[body["uid"]] = body["title"]
                return 200, {"uid": body["uid"]}
            case "POST", ["dashboards", "db"]:
                if self.provisioned:
                    return 400, {"message": "Cannot save provisioned dashboard"}
                uid = body["dashboard"]["uid"]
                if uid in self.dashboards and not body["overwrite"]:
                    return 412, {"message": "exists"}
                assert body["folderUid"] in self.folders
                self.dashboards[uid] = {**body["dashboard"], "id": 1, "version": 1}
                return 200, {"uid": uid, "url": f"/d/{uid}/now", "status": "success"}
            case "GET", ["dashboards", "uid", uid]:
                known = uid in self.dashboards
                return (200, {"dashboard": self.dashboards[uid]}) if known else (404, {"message": "not found"})
            case "GET", ["datasources"]:
                return 200, self.sources
            case "GET", ["datasources", "uid", _, "health"]:
                return self.health
        return 404, {"message": f"no route {method} {path}"}


@pytest.fixture
def stand_in() -> Iterator[tuple[StandIn, str]]:
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            status, answer = (
                state.answer(self.command, self.path, body) if allowed else (401, {"message": "Unauthorized"})
            )
            payload = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_push_creates_the_folder_and_the_dashboard_and_may_repeat(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    settings = GrafanaSettings(url, TOKEN)
    assert push(settings) == [f"{url}/d/spotifire-now/now"]
    assert push(settings) == [f"{url}/d/spotifire-now/now"]
    assert state.folders == {"spotifire": "Spotifire"}
    ours = json.loads(rendered()["now.json"])
    assert state.dashboards["spotifire-now"]["panels"] == ours["panels"]


def test_check_finds_what_is_right(stand_in: tuple[StandIn, str]) -> None:
    _, url = stand_in
    push(GrafanaSettings(url, TOKEN))
    findings = check(GrafanaSettings(url, TOKEN))
    assert [(finding.what, finding.ok) for finding in findings] == [
        ("data source ClickHouse", True),
        ("dashboard Now", True),
    ]


def test_check_finds_what_is_wrong(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    settings = GrafanaSettings(url, TOKEN)
    missing = check(settings)[-1]
    assert not missing.ok
    assert "not there" in missing.detail
    push(settings)
    state.dashboards["spotifire-now"]["panels"][0]["targets"][0]["rawSql"] = "SELECT 1"
    state.health = (400, {"status": "ERROR", "message": "connection refused"})
    source, board = check(settings)
    assert (source.ok, source.detail) == (False, "connection refused")
    assert (board.ok, board.detail) == (False, "its queries are those of another version")
    state.sources = [{"uid": "p", "name": "Prometheus", "type": "prometheus"}]
    assert not check(settings)[0].ok


def test_problems_are_one_line_with_a_cure_and_without_the_token(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    with pytest.raises(GrafanaProblem, match="refuses the token"):
        check(GrafanaSettings(url, "wrong"))
    state.provisioned = True
    with pytest.raises(GrafanaProblem, match="reads the dashboards from files"):
        push(GrafanaSettings(url, TOKEN))
    with pytest.raises(GrafanaProblem, match="does not answer") as caught:
        push(GrafanaSettings("http://127.0.0.1:9", TOKEN, timeout_s=2))
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(GrafanaSettings(url, TOKEN))
