"""What an owner does: sql, doctor, catalog, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from deploy.client import LONG
from deploy.commands.console import (
    Config,
    Data,
    Json,
    Listener,
    cell,
    guarded,
    open_file,
    out,
    printable,
    route,
    shell,
    table,
)
from streams.contracts.errors import UserError

catalog = typer.Typer(no_args_is_help=True, help="The artist catalogue, where genres come from.")
demo = typer.Typer(no_args_is_help=True, help="The demo listeners.")

NARROWEST = 8  # columns of the terminal that a column of a table of answers needs

STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


@guarded
def sql(
    query: Annotated[str, typer.Argument(help="One read-only statement, e.g. 'SELECT count() FROM v_plays'.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Read-only SQL on the views (v_plays, v_counted_plays, v_sightings, v_artists, ...)."""
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.post("/sql", {"query": query})
    names = answer["columns"]
    run.show(
        answer,
        lambda: (
            table([dict(zip(names, row, strict=True)) for row in answer["rows"]], {n: n for n in names})
            if len(names) * NARROWEST <= out.width
            else records(names, answer["rows"])
        ),
    )


def records(names: list[str], rows: list[list[Any]]) -> Table:
    """Rows too wide for a table: one value a line, an empty line between two rows."""
    fields = Table(box=None, pad_edge=False, show_header=False)
    fields.add_column(style="bold", no_wrap=True)
    fields.add_column(overflow="fold")
    for number, row in enumerate(rows):
        if number:
            fields.add_row()
        for name, value in zip(names, row, strict=True):
            fields.add_row(Text(printable(name)), cell(value))
    return fields


@guarded
def doctor(json: Json = False, data: Data = None, config: Config = None) -> None:
    """Check every part and say what to do."""
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get("/doctor")

    def picture() -> Group:
        lines = []
        for finding in answer["findings"]:
            line = Text(f"{finding['state']:>8} ", style=STYLES.get(finding["state"], ""))
            line.append(f"{finding['part']}: {printable(finding['detail'])}", style="default")
            if finding["cure"]:
                line.append(f"\n         -> {finding['cure']}", style="default")
            lines.append(line)
        return Group(*lines)

    run.show(answer, picture)
    if any(finding["state"] == "failed" for finding in answer["findings"]):
        raise typer.Exit(1)


@catalog.command("import")
@guarded
def catalog_import(
    file: Annotated[
        Path,
        typer.Argument(
            help="A JSON list, or one JSON object a line, of {id, name, genres, popularity, followers}. "
            "A genre is a name, or {name, count} where its votes are counted."
        ),
    ],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Read artists from a file; plays of artists that became known are stamped again."""
    if not file.is_file():
        raise UserError(f"{file} does not exist.", cure="Give a JSON file with a list of artists.")
    run = shell(json, data, config)
    with run.api(writes=True) as api, open_file(file) as opened:
        counts = api.call("POST", "/catalog", files={"file": (file.name, opened)}, timeout=LONG)

    def picture() -> Group:
        lines = [
            Text(f"{counts['read']:>9,} artists read"),
            Text(f"{counts['stored']:>9,} new or changed"),
            Text(f"{sum(counts['refused'].values()):>9,} refused"),
        ]
        lines += [Text(f"{count:>13,} {printable(reason)}") for reason, count in sorted(counts["refused"].items())]
        if counts["restamped"]:
            lines.append(Text(f"Listeners whose plays are stamped again: {counts['restamped']:,}."))
        return Group(*lines)

    run.show(counts, picture)


@catalog.command("coverage")
@guarded
def coverage(
    listener: Listener,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """How many of a listener's plays have a known genre."""
    run = shell(json, data, config)
    with run.api() as api:
        answer: dict[str, Any] = api.get(route(listener, "genres/coverage"), window="all")
    run.show(
        answer,
        lambda: Text(
            f"{answer['known']:,} of {answer['plays']:,} plays have a genre ({answer['share']:.0%}). "
            "More: spotifire catalog import FILE"
        ),
    )


@demo.command("remove")
@guarded
def demo_remove(json: Json = False, data: Data = None, config: Config = None) -> None:
    """Delete the demo listeners and everything about them."""
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        answer = api.call("DELETE", "/demo")
    run.show(answer, lambda: Text(f"Removed {answer['listeners']:,} demo listeners."))
