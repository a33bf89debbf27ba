"""What every command shares: its settings, its output (a table or one JSON document), its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ParamSpec, TypeVar
from urllib.parse import quote

import msgspec
import structlog
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy import client, logs
from deploy.settings import Settings, load
from streams.contracts.errors import NothingYet, SpotifireError, UserError

log = structlog.get_logger(__name__)

PIPED = 1_000  # columns where no terminal says how many: another program reads lines, and none may be broken


def for_person(*, stderr: bool = False) -> Console:
    """Standard output, or standard error: as wide as the terminal, and never broken where there is none."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED
    return console


out = for_person()
err = for_person(stderr=True)

P = ParamSpec("P")
R = TypeVar("R")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Data = Annotated[Path | None, typer.Option("--data", help="The data folder.", show_default="the platform's own")]
Config = Annotated[Path | None, typer.Option("--config", help="A TOML file with settings.")]
Listener = Annotated[str, typer.Argument(help="A listener's name or id.")]
Window = Annotated[str, typer.Option("--window", help="90d, 2025, 2025-03, 2025-summer or all.")]
By = Annotated[str, typer.Option("--by", help="plays or minutes.")]


@dataclass(frozen=True)
class Shell:
    """One run of a command: where its data is, and how it speaks."""

    settings: Settings
    json: bool

    @contextmanager
    def api(self, *, writes: bool = False) -> Iterator[client.Api]:
        """The API of the running stack, else of this process."""
        with client.connect(self.settings, writes=writes) as api:
            yield api

    def show(self, document: Any, picture: Callable[[], Any] | None = None, *, empty: bool = False) -> None:
        """The JSON document, or for a person the picture of it; an empty answer ends with exit code 3."""
        if self.json:
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
            sys.stdout.flush()
        elif picture is not None:
            out.print(picture())
        if empty:
            raise typer.Exit(NothingYet.exit_code)


def shell(json: bool, data: Path | None, config: Path | None, **given: Any) -> Shell:
    """Settings and output of one run; logs go to standard error, and only warnings of them."""
    settings = load(config, data=data.expanduser().resolve() if data else None, **given)
    logs.configure("warning", settings.log_format)
    return Shell(settings, json)


def guarded(run: Callable[P, R]) -> Callable[P, R]:
    """Errors of ours end the command with one line and their exit code; no traceback."""

    @wraps(run)
    def guard(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return run(*args, **kwargs)
        except SpotifireError as error:
            complain(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as stopped:
            raise typer.Exit(130) from stopped
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            log.warning("ended by an error that nobody foresaw", exc_info=True)
            what = printable(f"{type(error).__name__}: {error}".splitlines()[0])[:300]
            err.print(
                Text(f"spotifire: An error of ours: {what}. What was stored is safe; the log says more."),
                soft_wrap=True,
            )
            raise typer.Exit(1) from error

    return guard


def complain(error: SpotifireError) -> None:
    """One line on standard error: cause and cure."""
    line = printable(" ".join(error.one_line().split()))
    err.print(Text(f"spotifire: {line}", style="red" if err.is_terminal else ""), soft_wrap=True)


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, title: str = "") -> Table:
    """Rows as a table: `columns` maps a row's key to its heading; numbers stand to the right."""
    drawn = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for key, heading in columns.items():
        numeric = any(isinstance(row.get(key), int | float) for row in rows)
        drawn.add_column(Text(printable(heading)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(cell(row.get(key)) for key in columns))
    return drawn


def cell(value: Any) -> Text:
    """One value as a person reads it; names come from outside and are never read as markup."""
    match value:
        case None:
            return Text("")
        case bool():
            return Text("yes" if value else "no")
        case int():
            return Text(f"{value:,}")
        case float():
            return Text(f"{value:,.1f}")
        case list():
            return Text(printable(", ".join(str(item) for item in value)))
        case _:
            return Text(printable(str(value)))


def route(listener: str, what: str = "") -> str:
    """The route of a listener, or of what lies below. Raises UserError."""
    if "/" in listener:  # no name holds one, and a server would take it for two parts of the path
        raise UserError(f"There is no listener called {listener!r}.", cure="See `spotifire listeners list`.")
    return f"/listeners/{quote(listener, safe='')}" + (f"/{what}" if what else "")


def open_file(file: Path) -> BinaryIO:
    """A file of the user's, to be read. Raises UserError."""
    try:
        return file.open("rb")
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}).", cure="Check its permissions.") from error


def printable(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def bar(value: float, most: float, width: int = 40) -> str:
    """A bar of blocks, in eighths, as long as value against most."""
    eighths = round(width * 8 * value / most) if most else 0
    full, rest = divmod(eighths, 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
