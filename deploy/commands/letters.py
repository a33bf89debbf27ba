"""`dead-letters`: what was refused, why, and publishing it again."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group
from rich.text import Text

from deploy.commands.console import Config, Data, Json, guarded, printable, shell, table
from streams.contracts.errors import UserError

app = typer.Typer(no_args_is_help=True, help="Records that were refused, and why.")

Reason = Annotated[str | None, typer.Option("--reason", help="Only those refused for this, e.g. our-fault.")]
Import = Annotated[str | None, typer.Option("--import", help="Only those of this import.")]


@app.command("list")
@guarded
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    reason: Reason = None,
    import_id: Import = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Without those that were stored since.")] = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """The newest dead letters."""
    run = shell(json, data, config)
    with run.api() as api:
        wanted = {"limit": limit, "reason": reason, "import": import_id, "waiting": waiting or None}
        answer = api.get("/dead-letters", **wanted)
    columns = {
        "dead_letter_id": "id",
        "refused_at": "refused",
        "reason": "reason",
        "message": "message",
        "origin": "origin",
        "stored": "stored since",
    }
    run.show(
        answer,
        lambda: (
            table([in_short(row) for row in answer["dead_letters"]], columns)
            if answer["dead_letters"]
            else Text("Nothing was refused.")
        ),
    )


def in_short(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table: the time to the minute, and whether a replay helped."""
    refused = f"{row['refused_at'][:16].replace('T', ' ')} UTC"
    return {**row, "refused_at": refused, "stored": row["resolved_at"] is not None}


@app.command()
@guarded
def show(
    dead_letter: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """One dead letter: why, where it stood, its headers and its text."""
    run = shell(json, data, config)
    with run.api() as api:
        row = api.get(f"/dead-letters/{quote(dead_letter, safe='')}")

    def picture() -> Group:
        lines = [
            Text(f"{row['reason']}: {printable(row['message'])}", style="bold"),
            Text(f"refused {row['refused_at']}, published on {row['topic']}[{row['partition']}] @ {row['offset']}"),
        ]
        lines += [Text(f"stands in {printable(row['origin'])}")] if row["origin"] else []
        lines += [Text(f"published again {row['replayed_at']}")] if row["replayed_at"] else []
        lines += [Text(f"stored since {row['resolved_at']}", style="green")] if row["resolved_at"] else []
        lines += [Text(f"{printable(one['name'])}: {printable(one['value'])}") for one in row["headers"]]
        return Group(*lines, Text(), Text(printable(row["payload"])))

    run.show(row, picture)


@app.command()
@guarded
def replay(
    letters: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Which; else all that wait.")] = None,
    reason: Reason = None,
    import_id: Import = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Publish refused records again, as they came. Doing it twice adds nothing."""
    if letters and (reason or import_id):
        raise UserError("Dead letters are chosen by id, or by reason and import.", cure="Leave one of them out.")
    run = shell(json, data, config)
    body = {"ids": letters or [], "reason": reason or "", "import_id": import_id or ""}
    with run.api(writes=True) as api:
        done = api.post("/dead-letters/replay", body)

    def picture() -> Group:
        lines = [
            Text(f"{len(done['stored']):>9,} stored now"),
            Text(f"{len(done['refused']):>9,} refused again", style="yellow" if done["refused"] else ""),
        ]
        lines += [Text(f"{len(done['waiting']):>9,} wait for the worker")] if done["waiting"] else []
        lines += [Text(f"{one}: {why}") for one, why in sorted(done["skipped"].items())]
        return Group(*lines)

    run.show(done, picture)
