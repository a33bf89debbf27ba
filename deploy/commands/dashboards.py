"""`grafana`: dashboards and alerts as files, and into a Grafana that is already there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from deploy.commands.console import Config, Data, Json, guarded, shell, table
from deploy.settings import read_secret
from streams.contracts.errors import UserError

app = typer.Typer(no_args_is_help=True, help="Dashboards and alerts: write them, push them, check a Grafana.")

Url = Annotated[str, typer.Option("--url", help="Where Grafana is.")]
TokenFile = Annotated[Path, typer.Option("--token-file", help="File with a service account's token.")]


@app.command("render")
@guarded
def render_(
    folder: Annotated[Path, typer.Argument(help="Where to write the dashboards' JSON.")],
    alerts_file: Annotated[
        Path | None, typer.Option("--alerts", help="Where to write the alert rules: a file of provisioning/alerting.")
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Write dashboards as JSON, and the alert rules as YAML, for Grafana's provisioning from files."""
    from grafana import alerts, render

    run = shell(json, data, config)
    written = [str(path) for path in render.render(folder)]
    if alerts_file is not None:
        written.append(str(alerts.render(alerts_file)))
    run.show({"written": written}, lambda: Text("\n".join(written)))


@app.command()
@guarded
def push(
    token_file: TokenFile,
    url: Url = "http://127.0.0.1:3000",
    source: Annotated[
        str, typer.Option("--source", help="Data source that the alerts ask, if there are several.")
    ] = "",
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Create or overwrite the dashboards and alert rules in a Grafana's folders of ours."""
    from grafana import client

    run = shell(json, data, config)
    try:
        urls = client.push(client.GrafanaSettings(url, read_secret(token_file)), source)
    except client.GrafanaProblem as problem:
        raise UserError(str(problem)) from problem
    run.show({"pushed": urls}, lambda: Text("\n".join(urls)))


@app.command()
@guarded
def check(
    token_file: TokenFile,
    url: Url = "http://127.0.0.1:3000",
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Check that a Grafana has data source, dashboards and alert rules as here, and that the source answers."""
    from grafana import client

    run = shell(json, data, config)
    try:
        findings = client.check(client.GrafanaSettings(url, read_secret(token_file)))
    except client.GrafanaProblem as problem:
        raise UserError(str(problem)) from problem
    rows = [{"what": one.what, "ok": one.ok, "detail": one.detail} for one in findings]
    run.show({"findings": rows}, lambda: table(rows, {"what": "part", "ok": "ok", "detail": ""}))
    if not all(one.ok for one in findings):
        raise typer.Exit(1)
