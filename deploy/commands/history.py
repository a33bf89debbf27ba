"""`import` and `imports`: a listener's own export files, with a bar and a reconciliation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from deploy.client import Api
from deploy.commands.console import Config, Data, Json, err, guarded, open_file, printable, shell, table
from deploy.commands.corrections import Yes, carried_out, confirmed
from deploy.commands.people import machine_zone
from streams.contracts.errors import SpotifireError, UserError
from streams.contracts.ids import fold

imports = typer.Typer(no_args_is_help=True, help="What was imported.")

POLL = 0.2  # seconds between two looks at an import's progress


@guarded
def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="A zip, a folder, or JSON files.")],
    listener: Annotated[str, typer.Option("--listener", help="Whose export it is; made when new.")],
    timezone: Annotated[str | None, typer.Option("--timezone", help="Their IANA zone, e.g. Europe/Lisbon.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Import an export and say what became of every row."""
    files = list(files_of(paths))
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        ensure_listener(api, listener, timezone)
        with ExitStack() as opened:
            parts = [("files", (file.name, opened.enter_context(open_file(file)))) for file in files]
            started = api.call("POST", f"/listeners/{quote(listener, safe='')}/imports", files=parts)
        try:
            report = watch(api, listener, started["import_id"], quiet=json)
        except KeyboardInterrupt:
            goes_on = "The running Spotifire finishes the import by itself." if api.url else "The import is stopped."
            err.print(Text(f"{goes_on} To see it through, import again: nothing is stored twice."), soft_wrap=True)
            raise
    run.show(report, lambda: reconciliation(report))


def files_of(paths: list[Path]) -> Iterator[Path]:
    """The files that the paths name; a folder stands for the JSON and zip files in it."""
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist.", cure="Give the zip that Spotify sent, or its folder.")
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".json", ".zip") and p.is_file())
            if not found:
                raise UserError(f"{path} holds no JSON or zip file.", cure="Give the folder that Spotify sent.")
            yield from found
        else:
            yield path


def ensure_listener(api: Api, name: str, timezone: str | None) -> None:
    """Make the listener when nobody is called so yet, in the given zone or this machine's."""
    known = find_listener(api, name)
    if known is None:
        zone = timezone or machine_zone()
        try:
            api.post("/listeners", {"name": name, "timezone": zone})
        except UserError:
            known = find_listener(api, name)  # another import may have made them in the meantime
            if known is None:
                raise
        else:
            said = f"New listener {printable(name)}, local time by {zone} (change: spotifire listeners set)."
            err.print(Text(said), soft_wrap=True)
    if known is not None and timezone not in (None, known["time_zone"]):
        said = f"{printable(known['name'])} stays in {known['time_zone']}; to change it: spotifire listeners set"
        err.print(Text(f"{said} --timezone."), soft_wrap=True)


def find_listener(api: Api, name: str) -> dict[str, Any] | None:
    """Who is called so, or has this id."""
    rows: list[dict[str, Any]] = api.get("/listeners")["listeners"]
    return next((row for row in rows if name == row["listener"] or fold(name) == fold(row["name"])), None)


def watch(api: Api, listener: str, import_id: str, *, quiet: bool) -> dict[str, Any]:
    """Wait for the end of an import, with a bar for a person; its reconciliation."""
    with progress_bar(quiet) as bar:
        task = bar.add_task("reading", total=None, rows=0, rate=0.0)
        begun = time.monotonic()
        while True:
            status: dict[str, Any] = api.get(f"/listeners/{quote(listener, safe='')}/imports/{import_id}")
            if status["state"] == "done":
                report: dict[str, Any] = status["report"]
                return report
            if status["state"] == "failed":
                kind = UserError if status.get("exit_code") == UserError.exit_code else SpotifireError
                raise kind(status.get("detail") or "The import failed; see the log.")
            seen = status.get("progress") or {}
            rows = int(seen.get("read", 0))
            bar.update(
                task,
                total=seen.get("bytes_total") or None,
                completed=seen.get("bytes_done", 0),
                rows=rows,
                rate=rows / max(time.monotonic() - begun, 0.1),
            )
            time.sleep(POLL)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """Rows, rate and time left, on standard error."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows  {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=quiet or not err.is_terminal,
    ) as bar:
        yield bar


def reconciliation(report: dict[str, Any]) -> Group:
    """What became of every row, as a sum that adds up."""
    refused = sum(report["refused"].values())
    lines = [
        Text(f"{report['read']:>9,} rows read in {report['seconds']:.1f} s", style="bold"),
        Text(f"{report['stored']:>9,} stored: {report['plays_new']:,} new plays"),
        Text(f"{report['known']:>9,} already known"),
        Text(f"{refused:>9,} refused", style="yellow" if refused else ""),
    ]
    lines += [Text(f"{count:>13,} {reason}") for reason, count in sorted(report["refused"].items())]
    if report["plays_merged"]:
        lines.append(Text(f"{report['plays_merged']:,} rows joined plays that other sources had seen."))
    if report["gaps_closed"]:
        lines.append(Text(f"{report['gaps_closed']:,} gaps closed."))
    if refused:
        lines.append(Text("What was refused is kept: spotifire dead-letters list"))
    return Group(*lines)


@imports.command("list")
@guarded
def list_imports(
    listener: Annotated[str, typer.Argument(help="A listener's name or id.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """The imports of a listener, newest first."""
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get(f"/listeners/{quote(listener, safe='')}/imports")
    columns = {
        "import_id": "import",
        "started_at": "started",
        "state": "state",
        "read": "rows",
        "stored": "stored",
        "files": "files",
    }
    run.show(
        answer,
        lambda: (
            table([{**row, **(row.get("report") or {}), **in_short(row)} for row in answer["imports"]], columns)
            if answer["imports"]
            else Text("No imports yet.")
        ),
    )


def in_short(row: dict[str, Any]) -> dict[str, str]:
    """When an import began, to the minute, and its files in a few words."""
    names = [name.rpartition("/")[2] for name in row["files"]]
    return {
        "started_at": f"{row['started_at'][:16].replace('T', ' ')} UTC",
        "files": names[0] if len(names) == 1 else f"{len(names):,} files",
    }


@imports.command("undo")
@guarded
def undo(
    listener: Annotated[str, typer.Argument(help="A listener's name or id.")],
    import_id: Annotated[str, typer.Argument(metavar="IMPORT", help="As `imports list` shows it.")],
    yes: Yes = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Undo an import, as if it had never been run; import the files again to have it back."""
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        place = f"/listeners/{quote(listener, safe='')}/imports/{quote(import_id, safe='')}"
        row = api.get(place)
        rows = (row.get("report") or {}).get("stored", 0)
        confirmed(yes, f"Undo the import of {printable(', '.join(row['files'])[:60])} ({rows:,} rows of its own)?")
        done = carried_out(api, listener, api.call("DELETE", place), quiet=json)
    run.show(done, lambda: Text(f"Undone: {done['detail']}."))
