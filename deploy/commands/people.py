"""`listeners`: who is recorded, where they live, and how they are connected to Spotify."""

from __future__ import annotations

import shlex
import sys
import time
import webbrowser
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from deploy import folder
from deploy.commands.console import Config, Data, Json, err, guarded, printable, route, shell, table
from deploy.commands.corrections import carried_out
from deploy.settings import read_secret
from streams.contracts.errors import UserError

app = typer.Typer(
    no_args_is_help=True, help="Listeners: list, add, set, connect, disconnect, restamp, travel, countries."
)

CONSENT = 600  # seconds that a person has to agree on Spotify's page

Name = Annotated[str, typer.Argument(help="A listener's name or id.")]


def machine_zone() -> str:
    """This machine's IANA time zone, or UTC where it does not say."""
    local = Path("/etc/localtime")
    try:
        parts = local.resolve(strict=True).parts
    except OSError:
        return "UTC"
    if "zoneinfo" in parts:
        return "/".join(parts[parts.index("zoneinfo") + 1 :]).removeprefix("posix/")
    return "UTC"


@app.command("list")
@guarded
def list_(json: Json = False, data: Data = None, config: Config = None) -> None:
    """Everyone who is recorded."""
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get("/listeners")
    columns = {
        "name": "name",
        "listener": "id",
        "time_zone": "time zone",
        "is_demo": "demo",
        "connection": "Spotify",
    }
    run.show(
        answer,
        lambda: (
            table(answer["listeners"], columns)
            if answer["listeners"]
            else Text("Nobody yet: spotifire listeners add NAME")
        ),
    )


@app.command()
@guarded
def add(
    name: Annotated[str, typer.Argument(help="What to call them.")],
    timezone: Annotated[str | None, typer.Option("--timezone", help="IANA zone, e.g. America/Bogota.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Add a listener; asks for the time zone where nobody gave one."""
    run = shell(json, data, config)
    zone = timezone or machine_zone()
    if timezone is None and sys.stdin.isatty() and not json:
        zone = typer.prompt("Time zone", default=zone, err=True)
    with run.api() as api:
        row = api.post("/listeners", {"name": name, "timezone": zone})
    shown = printable(name)
    run.show(row, lambda: Text(f"Added {shown} in {zone}. Next: spotifire listeners connect {shlex.quote(shown)}"))


@app.command("set")
@guarded
def set_(
    name: Name,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="IANA zone: always theirs, or from --since on.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="First local day in that zone, YYYY-MM-DD.")] = None,
    hemisphere: Annotated[str | None, typer.Option("--hemisphere", help="north, south, or auto.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Change where a listener lives; their plays are stamped again by themselves."""
    changes = {
        "timezone": timezone,
        "since": since,
        "hemisphere": "" if hemisphere == "auto" else hemisphere,
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    if not changes:
        raise UserError("Nothing to change.", cure="Give --timezone or --hemisphere.")
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        row = api.call("PATCH", route(name), json=changes)
    run.show(row, lambda: Text(f"Changed {printable(name)}."))


@app.command()
@guarded
def connect(
    name: Name,
    client_id: Annotated[str | None, typer.Option("--client-id", help="Of your app at Spotify's dashboard.")] = None,
    secret_file: Annotated[
        Path | None,
        typer.Option("--client-secret-file", help="File with its secret; without it PKCE is used."),
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Connect a listener to Spotify: opens the consent page and waits for the answer."""
    run = shell(json, data, config)
    if folder.find(run.settings.data) is None:
        raise UserError(
            "Spotify answers to a running Spotifire, and none runs on this data folder.",
            cure="Start `spotifire up` in another terminal first.",
        )
    place = route(name, "connection")
    body = {"client_id": client_id or typer.prompt("Client id of your Spotify app", err=True)}
    if secret_file is not None:
        body["client_secret"] = read_secret(secret_file)
    with run.api() as api:
        begun = api.post(place, body)
        err.print(Text(f"Redirect address that your app must allow: {begun['redirect_uri']}"), soft_wrap=True)
        err.print(Text(f"Agree on this page: {begun['url']}"), soft_wrap=True)
        if sys.stdin.isatty():
            webbrowser.open(begun["url"])
        until = time.monotonic() + CONSENT
        state = api.get(place)
        while state["state"] == "pending" and time.monotonic() < until:
            time.sleep(1)
            state = api.get(place)
    if state["state"] != "connected":
        raise UserError(f"Not connected ({state['state']}).", cure=state.get("detail") or "Try again.")
    run.show(state, lambda: Text(f"Connected. {printable(name)}'s plays are recorded from now on."))


@app.command()
@guarded
def disconnect(name: Name, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Forget a listener's Spotify token; their plays stay."""
    run = shell(json, data, config)
    with run.api() as api:
        state = api.call("DELETE", route(name, "connection"))
    run.show(state, lambda: Text(f"Disconnected {printable(name)}."))


@app.command()
@guarded
def restamp(name: Name, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Derive all plays of a listener anew from what was recorded; nothing is imported again."""
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        asked = api.post(route(name, "restamp"))
        done = carried_out(api, name, asked, quiet=json)
    run.show(done, lambda: Text(f"Stamped again: {done['detail']}."))


@app.command()
@guarded
def travel(
    name: Name,
    action: Annotated[str, typer.Argument(help="list, accept, refuse, or reset what was decided.")] = "list",
    trip: Annotated[str | None, typer.Argument(help="As the list names it: JP-2025-04-02.")] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="IANA zone, where it is another than proposed.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="First local moment there: 2025-04-02T17:00.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last local moment there; a day alone is whole.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Trips that the countries of plays show: accepting one sets the clock right for it."""
    if action not in ("list", "accept", "refuse", "reset"):
        raise UserError(f"{action!r} is nothing to do with a trip.", cure="Use list, accept, refuse or reset.")
    if (action == "list") != (trip is None):
        raise UserError("It is not clear which trip is meant.", cure=f"See spotifire listeners travel {name}.")
    run = shell(json, data, config)
    place = route(name, "travel")
    if trip is None:
        with run.api() as api:
            answer = api.get(place)
        run.show(answer, lambda: trips(answer))
        return
    with run.api(writes=True) as api:
        one = f"{place}/{quote(trip, safe='')}"
        if action == "refuse":
            answer = api.post(f"{one}/refuse")
            run.show(answer, lambda: Text(f"{printable(trip)} was no trip; it is not proposed again."))
            return
        given = {"zone": zone, "from": since, "to": until}
        body = {key: value for key, value in given.items() if value is not None}
        asked = api.post(f"{one}/accept", body) if action == "accept" else api.call("DELETE", one)
        done = carried_out(api, name, asked, quiet=json)
    run.show(done, lambda: Text(f"Stamped again: {done['detail']}."))


def trips(answer: dict[str, Any]) -> RenderableType:
    """Trips as a table; where the country has several clocks, what one may say."""
    rows = answer["travel"]
    if not rows:
        kept = "Nothing looks like travel." if answer["countries_kept"] else "No countries are kept."
        return Text(f"{kept} Countries come with the Extended streaming history.")
    shown = [
        {
            **row,
            "first": row["first"][:10],
            "last": row["last"][:10],
            "zone": row["zone"] or "which?",
        }
        for row in rows
    ]
    columns = {
        "trip": "trip",
        "country_name": "country",
        "state": "state",
        "first": "from",
        "last": "to",
        "plays": "plays",
        "zone": "time zone",
    }
    return Group(table(shown, columns), *(Text(clocks(row)) for row in rows if not row["zone"]))


def clocks(row: dict[str, Any]) -> str:
    """What one may say of a trip to a country with several clocks: a zone of each."""
    first: dict[int, str] = {}
    for one in row["choices"]:
        first.setdefault(one["utc_offset_minutes"], one["zone"])
    return f"{row['trip']}: accept with --zone {', '.join(first.values())} or another"


@app.command()
@guarded
def countries(
    name: Name,
    action: Annotated[str, typer.Argument(help="drop them all and keep no more, or keep those to come.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Forget from which countries plays came; they serve only to propose trips."""
    if action not in ("drop", "keep"):
        raise UserError(f"{action!r} is nothing to do with countries.", cure="Use drop or keep.")
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        method = "DELETE" if action == "drop" else "POST"
        asked = api.call(method, route(name, "countries"))
        done = carried_out(api, name, asked, quiet=json)
    run.show(done, lambda: Text(f"Done: {done['detail']}."))
