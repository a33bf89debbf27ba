"""`import` and `imports`: a listener's own export files, with a bar and a reconciliation."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from deploy.client import Api
from deploy.commands.console import (
    Config,
    Data,
    Json,
    Listener,
    err,
    guarded,
    open_file,
    printable,
    route,
    shell,
    table,
)
from deploy.commands.corrections import Yes, carried_out, confirmed
from deploy.commands.people import machine_zone
from producers.history.own_zip import is_own_zip
from streams.contracts.errors import NotUtf8, SpotifireError, Unavailable, UserError
from streams.contracts.ids import fold

imports = typer.Typer(no_args_is_help=True, help="What was imported.")

WORDS = {"storing": "storing"}  # what is done besides reading, as the importer calls it
LEFT_OUT = 12  # files left out that are named
FORMATS = (".zip", ".json", ".jsonl", ".csv")  # names of files that a folder is searched for
UTC_NAMES = ("UTC", "Etc/UTC", "Etc/Universal", "Etc/Zulu", "Etc/GMT", "GMT", "Universal", "Zulu")
EXAMPLE = "Europe/Lisbon"
OLD = timedelta(days=90)  # as the usual window: of a newest play before it most commands show nothing
POLL = 0.2  # seconds between two looks at an import's progress


@guarded
def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="A zip, a folder, or files of Spotify, ListenBrainz (JSONL) or Last.fm (CSV, JSON)."
        ),
    ],
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
        anew = len(files) == 1 and is_own_zip(files[0]) and find_listener(api, listener) is None
        if not anew:
            ensure_listener(api, listener, timezone)
        place = "/imports" if anew else route(listener, "imports")
        with ExitStack() as opened:
            parts = [("files", (file.name, opened.enter_context(open_file(file)))) for file in files]
            started = api.call("POST", place, files=parts, params={"name": listener} if anew else {})
        try:
            status = watch(api, listener, started["import_id"], quiet=json)
        except KeyboardInterrupt:
            goes_on = "The running Spotifire finishes the import by itself." if api.url else "The import is stopped."
            err.print(Text(f"{goes_on} To see it through, import again: nothing is stored twice."), soft_wrap=True)
            raise
        except Unavailable as error:
            cure = f"{error.cure} Then import again: nothing is stored twice."
            raise Unavailable(f"{error.message} The import may go on there.", cure=cure) from error
    run.show(status["report"], lambda: Group(reconciliation(status), *next_step(status["report"], listener)))


def next_step(report: dict[str, Any], listener: str) -> Iterator[Text]:
    """A command that shows something of what was imported."""
    if not report.get("last"):
        return
    old = datetime.now(UTC) - datetime.fromisoformat(report["last"]) > OLD
    window = " --window all" if old else ""
    yield Text(f"Next: spotifire profile {shlex.quote(printable(listener))}{window}")


def files_of(paths: list[Path]) -> Iterator[Path]:
    """The files that the paths name; a folder stands for the files in it that may hold plays, and zips."""
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist.", cure="Give the zip that Spotify sent, or its folder.")
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in FORMATS and p.is_file())
            if not found:
                raise UserError(f"{path} holds no zip, JSON or CSV file.", cure="Give the folder that Spotify sent.")
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
            err.print(Text(made_in(printable(name), zone, asked=timezone is not None)), soft_wrap=True)
    if known is not None and timezone not in (None, known["time_zone"]):
        said = f"{printable(known['name'])} stays in {known['time_zone']}"
        err.print(Text(f"{said}; to change it: {setting(printable(known['name']), str(timezone))}"), soft_wrap=True)


def made_in(name: str, zone: str, *, asked: bool) -> str:
    """What a new listener's local time is, and how to change it."""
    if zone in UTC_NAMES and not asked:
        return f"New listener {name}. Their hours will be in UTC until you say their zone: {setting(name, EXAMPLE)}"
    return f"New listener {name}, local time by {zone}. To change it: {setting(name, EXAMPLE)}"


def setting(name: str, zone: str) -> str:
    """The command that sets a listener's zone."""
    return f"spotifire listeners set {shlex.quote(name)} --timezone {shlex.quote(zone)}"


def find_listener(api: Api, name: str) -> dict[str, Any] | None:
    """Who is called so, or has this id."""
    rows: list[dict[str, Any]] = api.get("/listeners")["listeners"]
    return next((row for row in rows if name == row["listener"] or fold(name) == fold(row["name"])), None)


def watch(api: Api, listener: str, import_id: str, *, quiet: bool) -> dict[str, Any]:
    """Wait for the end of an import, with a bar for a person; what is known of it then, its `report` among it."""
    with progress_bar(quiet) as bar:
        task = bar.add_task("reading", total=None, rows=0, rate=0.0)
        begun = time.monotonic()
        while True:
            status: dict[str, Any] = api.get(route(listener, f"imports/{import_id}"))
            if status["state"] == "done":
                return status
            if status["state"] == "failed":
                kind = UserError if status.get("exit_code") == UserError.exit_code else SpotifireError
                raise kind(status.get("detail") or "The import failed; see the log.")
            seen = status.get("progress") or {}
            rows = int(seen.get("read", 0))
            bar.update(
                task,
                description=WORDS.get(seen.get("state", ""), "reading"),
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


def reconciliation(status: dict[str, Any]) -> Group:
    """What became of every row of an import, as a table that adds up; then the files that were not read."""
    report: dict[str, Any] = status["report"]
    reasons = {one["reason"]: one for one in status.get("refused_rows") or ()}
    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column(justify="right")
    drawn.add_column(overflow="fold")
    drawn.add_row(Text(f"{report['read']:,}", style="bold"), Text(f"rows read in {report['seconds']:.1f} s"))
    if report.get("first"):
        first, last = report["first"][:7], report["last"][:7]
        drawn.add_row("", f"plays of {first}" if first == last else f"plays from {first} to {last}")
    drawn.add_row(f"{report['stored']:,}", "stored")
    drawn.add_row(f"{report['known']:,}", "already known")
    refused = sum(report["refused"].values())
    drawn.add_row(Text(f"{refused:,}", style="yellow" if refused else ""), "refused")
    for reason, count in sorted(report["refused"].items()):
        drawn.add_row("", Text(f"{count:,} {reason}{_places(reasons.get(reason))}"))
    drawn.add_row("", "")
    drawn.add_row(f"{report['plays_new']:,}", "new plays")
    drawn.add_row(f"{report['plays_merged']:,}", "rows joined plays that were there or in the files already")
    drawn.add_row(f"{report['gaps_closed']:,}", "gaps closed")
    lines: list[RenderableType] = [drawn]
    if left_out := status.get("left_out"):
        lines += [Text(""), Text(f"{len(left_out):,} files left out, for they hold no plays:")]
        lines += [Text(f"  {printable(one['file'])}: {printable(one['why'])}") for one in left_out[:LEFT_OUT]]
        lines += [Text(f"  and {len(left_out) - LEFT_OUT:,} more")] if len(left_out) > LEFT_OUT else []
    if NotUtf8.reason in report["refused"]:
        lines.append(Text("Save the files of the not-utf8 rows as UTF-8 and import them again."))
    if refused:
        lines.append(Text("What was refused is kept: spotifire dead-letters list"))
    return Group(*lines)


def _places(refused: dict[str, Any] | None) -> str:
    """Where some of the rows stand, in brackets."""
    if not refused or not refused["places"]:
        return ""
    more = ", …" if refused["rows"] > len(refused["places"]) else ""
    places = ", ".join(place.rpartition("/")[2] for place in refused["places"])
    return printable(f" ({places}{more})")


@imports.command("list")
@guarded
def list_imports(
    listener: Listener,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """The imports of a listener, newest first."""
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get(route(listener, "imports"))
    columns = {
        "import_id": "import",
        "started_at": "started (UTC)",
        "state": "state",
        "read": "rows",
        "refused_rows": "refused",
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


def in_short(row: dict[str, Any]) -> dict[str, Any]:
    """When an import began, to the minute, its files in a few words, and how many rows were refused."""
    names = [name.rpartition("/")[2] for name in row["files"]]
    report = row.get("report")
    return {
        "read": row["read"] or None,  # of an interrupted one nobody counted
        "refused_rows": sum(report["refused"].values()) if report else None,
        "started_at": f"{row['started_at'][:16].replace('T', ' ')}",
        "files": shortened(names[0]) if len(names) == 1 else f"{len(names):,} files",
    }


def shortened(name: str, most: int = 20) -> str:
    """The end of a long name, which says what the file is."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


@imports.command("show")
@guarded
def show(
    listener: Listener,
    import_id: Annotated[str, typer.Argument(metavar="IMPORT", help="As `imports list` shows it.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """What became of every row of an import: its report, as it is now."""
    run = shell(json, data, config)
    with run.api() as api:
        status = api.get(route(listener, f"imports/{quote(import_id, safe='')}"))
    run.show(status, lambda: reconciliation(status) if status["report"] else told(status))


def told(status: dict[str, Any]) -> Text:
    """An import without a report: how far it is, or why it failed."""
    rows = f"{status['progress'].get('read', 0):,} rows read"
    return Text(printable(f"{status['state']}: {status['detail'] or rows}"))


@imports.command("undo")
@guarded
def undo(
    listener: Listener,
    import_id: Annotated[str, typer.Argument(metavar="IMPORT", help="As `imports list` shows it.")],
    yes: Yes = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Undo an import, as if it had never been run; import the files again to have it back."""
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        place = route(listener, f"imports/{quote(import_id, safe='')}")
        row = api.get(place)
        rows = (row.get("report") or {}).get("stored", 0)
        confirmed(yes, f"Undo the import of {printable(', '.join(row['files'])[:60])} ({rows:,} rows of its own)?")
        done = carried_out(api, listener, api.call("DELETE", place), quiet=json)
    run.show(done, lambda: Text(f"Undone: {done['detail']}."))
