"""`spotifire`, the one entrance. `python -m deploy` is the same."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Annotated

import typer
from typer._click.exceptions import ClickException  # no public name stands for all ways to misuse a command

from deploy.commands import (
    admin,
    corrections,
    dashboards,
    export,
    history,
    letters,
    library,
    people,
    reads,
    run,
    tokens,
)
from deploy.commands.console import complain
from streams.contracts.errors import UserError

app = typer.Typer(
    name="spotifire",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Records what you play on Spotify as it happens and shows you who you are as a listener.",
)


def _version(show: bool) -> None:
    if show:
        typer.echo(importlib.metadata.version("spotifire"))
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Records what you play on Spotify as it happens and shows you who you are as a listener."""


app.command("up")(run.up)
app.command("worker")(run.worker)
app.command("collect")(run.collect)
app.command("api")(run.api)
app.command("migrate")(run.migrate)
app.command("import")(history.import_)
app.add_typer(history.imports, name="imports")
app.add_typer(people.app, name="listeners")
app.add_typer(tokens.app, name="tokens")
app.command("recent")(reads.recent)
app.command("top")(reads.top)
app.command("clock")(reads.clock)
app.command("week")(reads.week)
app.command("library")(library.library)
app.command("profile")(reads.profile)
app.command("hide")(corrections.hide)
app.command("unhide")(corrections.unhide)
app.command("merge")(corrections.merge)
app.command("unmerge")(corrections.unmerge)
app.command("export")(export.export)
app.command("erase")(export.erase)
app.add_typer(export.archive, name="archive")
app.command("backup")(export.backup)
app.command("restore")(export.restore)
app.command("move")(export.move)
app.add_typer(admin.catalog, name="catalog")
app.add_typer(admin.demo, name="demo")
admin.demo.command("run")(run.demo)
app.add_typer(letters.app, name="dead-letters")
app.add_typer(dashboards.app, name="grafana")
app.command("sql")(admin.sql)
app.command("doctor")(admin.doctor)


def main() -> None:
    """The console script. A command that was written wrong ends as our own errors do, on one line."""
    try:
        done = app(prog_name="spotifire", standalone_mode=False)
    except ClickException as error:
        if error.format_message():  # else a command alone, which showed its help
            complain(misused(error))
        sys.exit(UserError.exit_code)
    except typer.Abort:
        sys.exit(130)
    sys.exit(done)


def misused(error: ClickException) -> UserError:
    """What is wrong with a command as it was written, and where its help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "spotifire"
    cause = error.format_message().strip().rstrip(".")
    return UserError(cause + ("" if cause.endswith("?") else "."), cure=f"See `{command} --help`.")
