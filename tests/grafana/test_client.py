"""Push and check against a small stand-in over real HTTP.

It is no Grafana (none can be had where this is developed): it knows the eight routes that the client
uses, with the status codes, the shapes and the refusals of Grafana's own HTTP API.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from grafana import alerts
from grafana.client import GrafanaProblem, GrafanaSettings, check, push
from grafana.query import PLUGIN
from grafana.render import rendered

TOKEN = "glsa_test"
VIEWER = "glsa_viewer"
BOARDS = [json.loads(text) for text in rendered().values()]
PARTS = 1 + len(BOARDS) + len(alerts.ALERTS)
GROUP = "/v1/provisioning/folder/spotifire-alerts/rule-groups/Spotifire"


class StandIn:
    """What the stand-in holds."""

    def __init__(self) -> None:
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.sources: list[dict[str, Any]] = [{"uid": "u1", "name": "ClickHouse", "type": PLUGIN}]
        self.health: tuple[int, dict[str, Any]] = (200, {"status": "OK", "message": "Data source is working"})
        self.provisioned = False
        self.rules: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, body: dict[str, Any], *, viewer: bool = False) -> tuple[int, Any]:
        if viewer and (method != "GET" or "provisioning" in path):
            return 403, {
                "message": "You'll need additional permissions to perform this action.",
                "title": "Access denied",
            }
        match method, path.removeprefix("/api").split("/")[1:]:
            case "GET", ["folders", uid]:
                return (200, {"uid": uid}) if uid in self.folders else (404, {"message": "folder not found"})
            case "POST", ["folders"]:
                if body["uid"] in self.folders:
                    return 409, {"message": "a folder with the same UID already exists"}
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
                return 200, {"uid": uid, "url": f"/d/{uid}/{uid}", "status": "success"}
            case "GET", ["dashboards", "uid", uid]:
                known = uid in self.dashboards
                return (200, {"dashboard": self.dashboards[uid]}) if known else (404, {"message": "not found"})
            case "GET", ["datasources"]:
                return 200, self.sources
            case "GET", ["datasources", "uid", _, "health"]:
                return self.health
            case "GET", ["v1", "provisioning", "alert-rules"]:
                return 200, list(self.rules.values())
            case "PUT", ["v1", "provisioning", "folder", folder, "rule-groups", group]:
                if wrong := self.wrong_with(folder, group, body):
                    return 400, {"message": f"invalid alert rule: {wrong}", "traceID": ""}
                if any(self.rules.get(rule["uid"], {}).get("provenance") == "file" for rule in body["rules"]):
                    return 403, {"message": "cannot change provenance from 'file' to 'api'"}
                self.rules = {uid: rule for uid, rule in self.rules.items() if rule["ruleGroup"] != group}
                for number, rule in enumerate(body["rules"], 1):
                    read = {"id": number, "updated": "2026-01-01T00:00:00Z", "provenance": "api"}
                    self.rules[rule["uid"]] = {**json.loads(json.dumps(rule)), **read}
                return 200, body
        return 404, {"message": f"no route {method} {path}"}

    def wrong_with(self, folder: str, group: str, body: dict[str, Any]) -> str:
        """What Grafana's validation of a rule group says."""
        if folder not in self.folders:
            return "folder not found"
        if body["title"] != group or body["folderUid"] != folder or body["interval"] % 10:
            return "interval should be non-zero and divided exactly by scheduler interval: 10s"
        for rule in body["rules"]:
            steps = [step["refId"] for step in rule["data"]]
            sources = {source["uid"] for source in self.sources} | {"__expr__"}
            facts = {
                "title": 0 < len(rule["title"]) <= 190,
                "uid": re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", rule["uid"]),
                "place": (rule["folderUID"], rule["ruleGroup"]) == (folder, group),
                "org": rule["orgID"] == 1,
                "condition": rule["condition"] in steps,
                "steps": len(set(steps)) == len(steps) > 0,
                "models": all(step["model"]["refId"] == step["refId"] for step in rule["data"]),
                "ranges": all(
                    step["relativeTimeRange"]["from"] > step["relativeTimeRange"]["to"] >= 0 for step in rule["data"]
                ),
                "sources": {step["datasourceUid"] for step in rule["data"]} <= sources,
                "no data": rule["noDataState"] in ("Alerting", "NoData", "OK", "KeepLast"),
                "error": rule["execErrState"] in ("Alerting", "Error", "OK", "KeepLast"),
                "for": re.fullmatch(r"\d+[smhd]", rule["for"]),
                "texts": all(
                    isinstance(text, str) for text in (*rule["labels"].values(), *rule["annotations"].values())
                ),
            }
            if wrong := [name for name, fine in facts.items() if not fine]:
                return f"{rule['uid']}: {wrong}"
        titles = [rule["title"] for rule in body["rules"]]
        return "" if len(set(titles)) == len(titles) else "a conflicting alert rule is found"


@pytest.fixture
def stand_in() -> Iterator[tuple[StandIn, str]]:
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            status, answer = (
                state.answer(self.command, self.path, body, viewer=token == VIEWER)
                if token in (TOKEN, VIEWER)
                else (401, {"message": "Unauthorized"})
            )
            payload = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_push_creates_the_folders_and_what_is_in_them_and_may_repeat(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    settings = GrafanaSettings(url, TOKEN)
    addresses = [*(f"{url}/d/{board['uid']}/{board['uid']}" for board in BOARDS), f"{url}/alerting/list"]
    assert push(settings) == addresses
    assert push(settings) == addresses
    assert state.folders == {"spotifire": "Spotifire", "spotifire-alerts": "Spotifire alerts"}
    for board in BOARDS:
        assert state.dashboards[board["uid"]]["panels"] == board["panels"]
    assert list(state.rules) == [alert.uid for alert in alerts.ALERTS]
    assert {step["datasourceUid"] for rule in state.rules.values() for step in rule["data"]} == {"u1", "__expr__"}


def test_a_rule_that_is_no_longer_ours_goes_with_the_push(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    push(GrafanaSettings(url, TOKEN))
    state.rules["spotifire-old"] = {**state.rules["spotifire-lag"], "uid": "spotifire-old"}
    state.rules["theirs"] = {**state.rules["spotifire-lag"], "uid": "theirs", "ruleGroup": "Theirs"}
    push(GrafanaSettings(url, TOKEN))
    assert set(state.rules) == {"theirs", *(alert.uid for alert in alerts.ALERTS)}


def test_check_finds_what_is_right(stand_in: tuple[StandIn, str]) -> None:
    _, url = stand_in
    push(GrafanaSettings(url, TOKEN))
    findings = check(GrafanaSettings(url, TOKEN))
    assert [(finding.what, finding.ok) for finding in findings] == [
        ("data source ClickHouse", True),
        *((f"dashboard {board['title']}", True) for board in BOARDS),
        *((f"alert {alert.title}", True) for alert in alerts.ALERTS),
    ]


def test_rules_of_the_provisioning_file_are_those_of_this_version(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    push(GrafanaSettings(url, TOKEN))
    state.sources.append({"uid": alerts.SOURCE_UID, "name": "Spotifire", "type": PLUGIN})
    for alert in alerts.ALERTS:
        state.rules[alert.uid] = {**alert.rule(alerts.SOURCE_UID), "ruleGroup": "Spotifire", "provenance": "file"}
    assert all(finding.ok for finding in check(GrafanaSettings(url, TOKEN)))


def test_check_finds_what_is_wrong(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    settings = GrafanaSettings(url, TOKEN)
    missing = check(settings)
    assert len(missing) == PARTS
    assert [finding.ok for finding in missing] == [True, *[False] * (PARTS - 1)]
    assert all("not there" in finding.detail for finding in missing[1:])
    push(settings)
    there = state.dashboards[BOARDS[0]["uid"]]["panels"]
    next(panel for panel in there if panel.get("targets"))["targets"][0]["rawSql"] = "SELECT 1"
    state.health = (400, {"status": "ERROR", "message": "connection refused"})
    state.rules["spotifire-lag"]["data"][0]["model"]["rawSql"] = "SELECT 1"
    state.rules["spotifire-quota"]["data"][2]["model"]["conditions"][0]["evaluator"]["params"] = [1]
    state.rules["spotifire-token"]["noDataState"] = "Alerting"
    state.rules["spotifire-sign-in"]["isPaused"] = True
    state.rules["spotifire-database"]["data"][0]["datasourceUid"] = "gone"
    state.rules["spotifire-database"]["data"][0]["model"]["datasource"]["uid"] = "gone"
    wrong = {finding.what: finding.detail for finding in check(settings) if not finding.ok}
    assert wrong == {
        "data source ClickHouse": "connection refused",
        f"dashboard {BOARDS[0]['title']}": "its queries are those of another version",
        "alert The worker is behind": "it is that of another version",
        "alert Spotify's quota is used up": "it is that of another version",
        "alert A connection is about to end": "it is that of another version",
        "alert A listener must sign in again": "it is paused",
        "alert ClickHouse does not answer": "it asks a data source that is not there",
    }
    state.sources = [{"uid": "p", "name": "Prometheus", "type": "prometheus"}]
    assert not check(settings)[0].ok


def test_who_may_not_read_the_rules_is_told_so(stand_in: tuple[StandIn, str]) -> None:
    _, url = stand_in
    push(GrafanaSettings(url, TOKEN))
    *others, rules = check(GrafanaSettings(url, VIEWER))
    assert all(finding.ok for finding in others)
    assert (rules.what, rules.ok) == ("alert rules", False)
    assert "as Admin" in rules.detail


def test_of_several_data_sources_one_must_be_named(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    state.sources.append({"uid": "u2", "name": "Another", "type": PLUGIN})
    with pytest.raises(GrafanaProblem, match="Give --source: Another, ClickHouse"):
        push(GrafanaSettings(url, TOKEN))
    assert not state.dashboards, "nothing is done by halves"
    push(GrafanaSettings(url, TOKEN), "Another")
    assert state.rules["spotifire-lag"]["data"][0]["datasourceUid"] == "u2"
    push(GrafanaSettings(url, TOKEN), "u1")
    assert state.rules["spotifire-lag"]["data"][0]["datasourceUid"] == "u1"
    state.sources = []
    with pytest.raises(GrafanaProblem, match="no data source of the type"):
        push(GrafanaSettings(url, TOKEN))


def test_rules_that_come_from_a_file_are_not_pushed(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    push(GrafanaSettings(url, TOKEN))
    for rule in state.rules.values():
        rule["provenance"] = "file"
    with pytest.raises(GrafanaProblem, match="from files"):
        push(GrafanaSettings(url, TOKEN))


def test_the_stand_in_is_strict(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    push(GrafanaSettings(url, TOKEN))
    good = alerts.group("u1")
    assert state.answer("PUT", f"/api{GROUP}", good)[0] == 200
    for change in ({"for": "soon"}, {"condition": "Z"}, {"noDataState": "Panic"}, {"folderUID": "x"}, {"uid": "a b"}):
        bad = {**good, "rules": [{**good["rules"][0], **change}]}
        assert state.answer("PUT", f"/api{GROUP}", bad)[0] == 400, change
    assert state.answer("PUT", f"/api{GROUP}", {**good, "interval": 7})[0] == 400


def test_problems_are_one_line_with_a_cure_and_without_the_token(stand_in: tuple[StandIn, str]) -> None:
    state, url = stand_in
    with pytest.raises(GrafanaProblem, match="refuses the token"):
        check(GrafanaSettings(url, "wrong"))
    with pytest.raises(GrafanaProblem, match="refuses the token"):
        push(GrafanaSettings(url, VIEWER))
    state.provisioned = True
    with pytest.raises(GrafanaProblem, match="from files"):
        push(GrafanaSettings(url, TOKEN))
    with pytest.raises(GrafanaProblem, match="does not answer") as caught:
        push(GrafanaSettings("http://127.0.0.1:9", TOKEN, timeout_s=2))
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(GrafanaSettings(url, TOKEN))
