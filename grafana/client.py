"""Push the dashboards to a Grafana that is not provisioned from files, and check any Grafana.

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

from grafana.query import PLUGIN
from grafana.render import rendered

FOLDER_UID = "spotifire"
FOLDER_TITLE = "Spotifire"


class GrafanaProblem(Exception):
    """Grafana cannot be reached, or refuses; the message names the cause and the cure in one line."""


@dataclass(frozen=True)
class GrafanaSettings:
    """Where Grafana is, and a service account's token with the role Editor (push) or Viewer (check)."""

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


def push(settings: GrafanaSettings) -> list[str]:
    """Create or overwrite every dashboard in the folder Spotifire; their addresses. Raises GrafanaProblem."""
    api = connect(settings)
    try:
        _ensure_folder(api)
        return [_push_one(api, settings, json.loads(text)) for text in rendered().values()]
    except (GrafanaException, RequestException) as error:
        raise _problem(settings, error) from error


def check(settings: GrafanaSettings) -> list[Finding]:
    """Data sources and dashboards, one finding each. Raises GrafanaProblem when Grafana itself is at fault."""
    api = connect(settings)
    try:
        return [*_sources(api), *_dashboards(api)]
    except (GrafanaException, RequestException) as error:
        raise _problem(settings, error) from error


def _ensure_folder(api: Any) -> None:
    try:
        api.folder.get_folder(FOLDER_UID)
    except GrafanaClientError as error:
        if error.status_code != 404:
            raise
        api.folder.create_folder(FOLDER_TITLE, FOLDER_UID)


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


def _queries(board: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (panel.get("title", ""), [target.get("rawSql", "") for target in panel.get("targets", [])])
        for panel in board.get("panels", [])
    ]


def _problem(settings: GrafanaSettings, error: Exception) -> GrafanaProblem:
    if isinstance(error, RequestException):
        return GrafanaProblem(f"Grafana does not answer at {settings.url}. Check the address and that it runs.")
    status = getattr(error, "status_code", 0)
    if status in (401, 403):
        return GrafanaProblem(f"Grafana at {settings.url} refuses the token. Use a service account's, as Editor.")
    if "provisioned" in str(error).lower():
        return GrafanaProblem("This Grafana reads the dashboards from files. Render them there instead of pushing.")
    return GrafanaProblem(f"Grafana at {settings.url} answers {status}: {error}.")
