"""Push dashboards and alert rules to a Grafana that is not provisioned from files, and check any Grafana.

The provisioning files are the source of truth: a provisioned Grafana refuses a push, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException
from niquests.exceptions import RequestException

from grafana import alerts
from grafana.query import PLUGIN
from grafana.render import rendered

FOLDER_UID = "spotifire"
FOLDER_TITLE = "Spotifire"


class GrafanaProblem(Exception):
    """Grafana cannot be reached, or refuses; the message names the cause and the cure in one line."""


@dataclass(frozen=True)
class GrafanaSettings:
    """Where Grafana is, and a service account's token: as Admin it may all, as Editor all but read alert rules
    in some versions, as Viewer only check."""

    url: str  # http://localhost:3000
    token: str = field(repr=False)
    timeout_s: float = 10.0


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    what: str
    ok: bool
    detail: str


def connect(settings: GrafanaSettings) -> Any:
    """A GrafanaApi (typed Any: the library says it is typed, and its methods are not); nothing is asked yet."""
    return GrafanaApi.from_url(settings.url, credential=settings.token, timeout=settings.timeout_s)


def push(settings: GrafanaSettings, source: str = "") -> list[str]:
    """Create or overwrite every dashboard, and the alert rules; the addresses of all. Raises GrafanaProblem.

    `source`: name or uid of the data source that the rules ask; needed where Grafana has several.
    """
    api = connect(settings)
    try:
        asked = _source_of(api, source)
        _ensure_folder(api, FOLDER_UID, FOLDER_TITLE)
        pushed = [_push_one(api, settings, json.loads(text)) for text in rendered().values()]
        _ensure_folder(api, alerts.FOLDER_UID, alerts.FOLDER_TITLE)
        api.alertingprovisioning.update_rule_group(alerts.FOLDER_UID, alerts.GROUP, alerts.group(asked))
        return [*pushed, f"{settings.url.rstrip('/')}/alerting/list"]
    except (GrafanaException, RequestException) as error:
        raise _problem(settings, error) from error


def check(settings: GrafanaSettings) -> list[Finding]:
    """Data sources, dashboards and alert rules, one finding each. Raises GrafanaProblem where Grafana is at fault."""
    api = connect(settings)
    try:
        return [*_sources(api), *_dashboards(api), *_rules(api)]
    except (GrafanaException, RequestException) as error:
        raise _problem(settings, error) from error


def _ensure_folder(api: Any, uid: str, title: str) -> None:
    try:
        api.folder.get_folder(uid)
    except GrafanaClientError as error:
        if error.status_code != 404:
            raise
        api.folder.create_folder(title, uid)


def _source_of(api: Any, named: str) -> str:
    """The uid of the data source that alert rules ask: the one of that name or uid, else the only one."""
    found = {source["uid"]: source["name"] for source in api.datasource.list_datasources() if source["type"] == PLUGIN}
    fitting = [uid for uid, name in found.items() if named in ("", uid, name)]
    if len(fitting) == 1:
        return str(fitting[0])
    if not found:
        raise GrafanaProblem(f"There is no data source of the type {PLUGIN}. Add one that points at ClickHouse.")
    raise GrafanaProblem(f"Which data source do the alerts ask? Give --source: {', '.join(sorted(found.values()))}.")


def _push_one(api: Any, settings: GrafanaSettings, board: dict[str, Any]) -> str:
    answer = api.dashboard.update_dashboard(
        {"dashboard": board, "folderUid": FOLDER_UID, "overwrite": True, "message": "spotifire grafana push"}
    )
    return f"{settings.url.rstrip('/')}{answer['url']}"


def _sources(api: Any) -> Iterator[Finding]:
    sources = [source for source in api.datasource.list_datasources() if source["type"] == PLUGIN]
    if not sources:
        yield Finding("data source", False, f"there is none of the type {PLUGIN}: add one that points at ClickHouse")
    for source in sources:
        try:
            answer = api.datasource.health(source["uid"])
            healthy, said = answer.get("status") == "OK", str(answer.get("message", ""))
        except GrafanaClientError as error:  # an unhealthy source answers 400 with its reason
            if error.status_code != 400:
                raise
            said = error.response.get("message", "") if isinstance(error.response, dict) else str(error.response)
            healthy = False
        yield Finding(f"data source {source['name']}", healthy, said)


def _dashboards(api: Any) -> Iterator[Finding]:
    for text in rendered().values():
        ours = json.loads(text)
        what = f"dashboard {ours['title']}"
        try:
            theirs = api.dashboard.get_dashboard(ours["uid"])["dashboard"]
        except GrafanaClientError as error:
            if error.status_code != 404:
                raise
            yield Finding(what, False, "it is not there: provision it, or run spotifire grafana push")
            continue
        same = _queries(theirs) == _queries(ours)
        yield Finding(what, same, "as in this version" if same else "its queries are those of another version")


def _rules(api: Any) -> Iterator[Finding]:
    try:
        theirs = {rule["uid"]: rule for rule in api.alertingprovisioning.get_alertrules_all()}
        sources = {source["uid"] for source in api.datasource.list_datasources()}
    except GrafanaClientError as error:
        if error.status_code != 403:
            raise
        yield Finding("alert rules", False, "this token may not read them: use a service account's, as Admin")
        return
    for alert in alerts.ALERTS:
        rule = theirs.get(alert.uid)
        said = (
            _of_rule(alert, rule, sources) if rule else "it is not there: provision it, or run spotifire grafana push"
        )
        yield Finding(f"alert {alert.title}", not said, said or "as in this version")


def _of_rule(alert: alerts.Alert, rule: dict[str, Any], sources: set[str]) -> str:
    """What is wrong with a rule there, or nothing."""
    asked = rule["data"][0]["datasourceUid"]
    if _judged(rule) != _judged(alert.rule(asked)):
        return "it is that of another version"
    if asked not in sources:
        return "it asks a data source that is not there"
    return "it is paused" if rule.get("isPaused") else ""


def _judged(rule: dict[str, Any]) -> list[Any]:
    """What a rule finds, and when it fires."""
    models = [step["model"] for step in rule["data"]]
    parts = [(model.get("rawSql"), model.get("expression"), model.get("conditions")) for model in models]
    return [parts, *(rule[name] for name in ("condition", "for", "noDataState", "execErrState"))]


def _queries(board: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (panel.get("title", ""), [target.get("rawSql", "") for target in panel.get("targets", [])])
        for panel in board.get("panels", [])
    ]


def _problem(settings: GrafanaSettings, error: Exception) -> GrafanaProblem:
    if isinstance(error, RequestException):
        return GrafanaProblem(f"Grafana does not answer at {settings.url}. Check the address and that it runs.")
    status = getattr(error, "status_code", 0)
    if "provisioned" in str(error).lower() or "provenance" in str(error).lower():
        return GrafanaProblem("This Grafana reads dashboards or alerts from files. Render them there, do not push.")
    if status in (401, 403):
        return GrafanaProblem(f"Grafana at {settings.url} refuses the token. Use a service account's, as Editor.")
    return GrafanaProblem(f"Grafana at {settings.url} answers {status}: {error}.")
