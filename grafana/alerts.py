"""The alerts: what whoever runs Spotifire must know, and what to do then.

Each rule is a query, the last value of each of its rows, and a threshold. `rendered()` is the
file that Grafana's provisioning reads, `group()` the same for Grafana's HTTP API.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grafana import alerts_sql as sql
from grafana.query import PLUGIN, ClickHouseQuery, Format

PATH = Path(__file__).parent / "provisioning" / "alerting" / "spotifire.yaml"
# Not the dashboards' folder: Grafana provisions rules first, and would make it under a uid of its own.
FOLDER_UID = "spotifire-alerts"
FOLDER_TITLE = "Spotifire alerts"
GROUP = "Spotifire"
SOURCE_UID = "spotifire-clickhouse"  # of grafana/provisioning/datasources
EVERY_S = 60
EXPRESSION = "__expr__"  # Grafana's own data source of expressions

_HEAD = """\
# Read by Grafana when it starts: the alert rules. Rendered from grafana/alerts.py by `make generated`; do not
# edit by hand. What stands below is JSON, which is YAML too.
"""

State = Literal["Alerting", "OK", "KeepLast"]


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One rule. It fires for each row of the query that is above (or below) the threshold for `hold`.

    The texts may name a label (a text column) as `{{ .Labels.name }}`, which no data has, and never with a
    dollar sign: in provisioning files Grafana replaces those by variables of its environment.
    """

    uid: str
    title: str
    sql: str
    above: float | None = None
    below: float | None = None
    hold: str  # as Prometheus writes a duration: 5m
    no_data: State = "OK"
    on_error: State = "KeepLast"  # else every rule fires when ClickHouse is down, and not one
    severity: Literal["critical", "warning"] = "warning"
    summary: str
    message: str  # what it means, and what to do

    @property
    def evaluator(self) -> dict[str, object]:
        """The threshold as Grafana has it."""
        kind, limit = ("gt", self.above) if self.above is not None else ("lt", self.below)
        return {"type": kind, "params": [limit]}

    def rule(self, source: str) -> dict[str, Any]:
        """The rule as Grafana's files and its HTTP API have it; `source` is the data source's uid."""
        query = {
            **ClickHouseQuery("A", self.sql, Format.TABLE).to_json(),
            "datasource": {"type": PLUGIN, "uid": source},
        }
        limit = {"evaluator": self.evaluator}
        return {
            "uid": self.uid,
            "title": self.title,
            "condition": "C",
            "data": [
                _step(source, {**query, "intervalMs": 1000, "maxDataPoints": 43200}),
                _step(EXPRESSION, {"refId": "B", "type": "reduce", "reducer": "last", "expression": "A"}),
                _step(EXPRESSION, {"refId": "C", "type": "threshold", "expression": "B", "conditions": [limit]}),
            ],
            "noDataState": self.no_data,
            "execErrState": self.on_error,
            "for": self.hold,
            "annotations": {"summary": self.summary, "description": self.message},
            "labels": {"app": "spotifire", "severity": self.severity},
            "isPaused": False,
        }


def _step(source: str, model: dict[str, object]) -> dict[str, object]:
    if source == EXPRESSION:
        model = {**model, "datasource": {"type": EXPRESSION, "uid": EXPRESSION}}
    return {
        "refId": model["refId"],
        # the queries look back by themselves; Grafana wants a range of every step
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": source,
        "model": model,
    }


ALERTS = (
    Alert(
        uid="spotifire-database",
        title="ClickHouse does not answer",
        sql=sql.ANSWERS,
        below=1,
        hold="2m",
        no_data="Alerting",
        on_error="Alerting",
        severity="critical",
        summary="ClickHouse cannot be reached from Grafana.",
        message="Plays wait in Kafka until it is back. See whether it runs (docker compose ps clickhouse), then its "
        "log and the disk. The other alerts say nothing until then.",
    ),
    Alert(
        uid="spotifire-part-silent",
        title="A part has stopped",
        sql=sql.SILENT_PARTS,
        above=300,
        hold="1m",
        no_data="Alerting",
        severity="critical",
        summary="Nothing is heard of {{ with .Labels.part }}the {{ . }}{{ else }}worker and collector{{ end }}.",
        message="It has not said how it is for five minutes. See its log (docker compose logs worker collector) and "
        "start it again.",
    ),
    Alert(
        uid="spotifire-collecting",
        title="Nothing is collected",
        sql=sql.POLL_AGE,
        above=3600,
        # who hears nothing is asked once an hour, give or take six minutes: no reason to wake anybody
        hold="10m",
        no_data="Alerting",
        severity="critical",
        summary="{{ with .Labels.listener_name }}Nothing is collected of {{ . }}{{ else }}No collector runs{{ end }}.",
        message="Spotify keeps only the last 50 plays: what is not collected within hours is lost. Run spotifire "
        "doctor, and read the collector's log.",
    ),
    Alert(
        uid="spotifire-lag",
        title="The worker is behind",
        sql=sql.CATCHING_UP,
        above=300,
        hold="5m",
        summary="{{ .Labels.queue }} is more than five minutes behind.",
        message="Nothing is lost: records wait in Kafka. See the worker's log for what it waits for, and the disk of "
        "ClickHouse. After a large import it mends itself; else start another worker.",
    ),
    Alert(
        uid="spotifire-dead-letters",
        title="Records were refused",
        sql=sql.DEAD_LETTERS,
        above=0,
        hold="0s",
        summary="Records were refused: {{ .Labels.reason }}.",
        message="Read them with spotifire dead-letters list. When the cause is mended, publish them again with "
        "spotifire dead-letters replay; what was stored then falls silent here, the rest after a day.",
    ),
    Alert(
        uid="spotifire-sign-in",
        title="A listener must sign in again",
        sql=sql.SIGN_IN_AGAIN,
        above=0,
        hold="0s",
        severity="critical",
        summary="{{ .Labels.listener_name }} must connect to Spotify again.",
        message="Spotify refuses the connection, so nothing is collected. Open the page, and connect them once more; "
        "or spotifire listeners connect.",
    ),
    Alert(
        uid="spotifire-token",
        title="A connection is about to end",
        sql=sql.TOKEN_DAYS,
        below=14,
        hold="0s",
        summary="The connection of {{ .Labels.listener_name }} to Spotify ends within two weeks.",
        message="Spotify ends every connection after six months. Connect them again before then, and nothing "
        "is missed.",
    ),
    Alert(
        uid="spotifire-quota",
        title="Spotify's quota is used up",
        sql=sql.BLOCKED,
        above=300,
        hold="1m",
        summary="Spotify answered 429, and wants to be asked nothing for minutes or hours.",
        message="It goes on by itself. When it comes again: one Spotify app for fewer listeners, and nothing else that "
        "uses the same app. After a long one, import the export to fill the gap.",
    ),
)


def rendered() -> str:
    """The file of Grafana's provisioning."""
    group = {
        "orgId": 1,
        "name": GROUP,
        "folder": FOLDER_TITLE,
        "interval": f"{EVERY_S}s",
        "rules": [alert.rule(SOURCE_UID) for alert in ALERTS],
    }
    return _HEAD + json.dumps({"apiVersion": 1, "groups": [group]}, indent=2, ensure_ascii=False) + "\n"


def group(source: str) -> dict[str, Any]:
    """The rule group for Grafana's HTTP API; `source` is the uid of the data source there."""
    place = {"folderUID": FOLDER_UID, "ruleGroup": GROUP, "orgID": 1}
    return {
        "title": GROUP,
        "folderUid": FOLDER_UID,
        "interval": EVERY_S,
        "rules": [{**alert.rule(source), **place} for alert in ALERTS],
    }


def render(path: Path = PATH) -> Path:
    """Write the file; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rendered(), encoding="utf-8")
    return path
