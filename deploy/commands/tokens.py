"""`tokens`: what programs sign in with."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group
from rich.text import Text

from deploy.commands.console import Config, Data, Json, guarded, printable, shell, table

app = typer.Typer(no_args_is_help=True, help="Tokens for programs that ask the API.")


@app.command()
@guarded
def add(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    listener: Annotated[
        str | None, typer.Option("--listener", help="Open this listener alone; else read everything, change nothing.")
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Make a token. It is shown this once; only a hash of it is stored."""
    run = shell(json, data, config)
    with run.api() as api:
        made = api.post("/tokens", {"name": name, "listener": listener})

    def picture() -> Group:
        told = Text(f"Shown this once. It opens {opened(made)}. Back: spotifire tokens revoke {made['token_id']}")
        return Group(Text(made["token"], overflow="fold"), told)

    run.show(made, picture)


@app.command("list")
@guarded
def list_(json: Json = False, data: Data = None, config: Config = None) -> None:
    """The tokens in force, oldest first."""
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get("/tokens")
    columns = {"token_id": "id", "name": "for", "opens": "opens", "created_at": "made"}
    rows = [
        {**row, "opens": opened(row), "created_at": f"{row['created_at'][:16].replace('T', ' ')} UTC"}
        for row in answer["tokens"]
    ]
    run.show(answer, lambda: table(rows, columns) if rows else Text("There is none: spotifire tokens add NAME"))


@app.command()
@guarded
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Refuse a token from now on."""
    run = shell(json, data, config)
    with run.api() as api:
        row = api.call("DELETE", f"/tokens/{quote(token_id, safe='')}")
    run.show(row, lambda: Text(f"Revoked {printable(row['name'])}, which opened {opened(row)}."))


def opened(row: dict[str, Any]) -> str:
    """What a token opens, in words."""
    return f"{printable(row['listener_name'])} alone" if row["role"] == "listener" else "everything, to read it"
