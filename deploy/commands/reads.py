"""What a listener's plays say: recent, top, clock, profile. Thin: each is one question to the API."""

from __future__ import annotations

import math
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group
from rich.text import Text

from deploy.commands.console import (
    By,
    Config,
    Data,
    Json,
    Listener,
    Window,
    bar,
    guarded,
    out,
    printable,
    route,
    shell,
    table,
)
from streams.contracts.errors import UserError

Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many rows.")]


RANKED = ("artists", "tracks", "albums", "genres")
BY = ("plays", "minutes")


def one_of(word: str, words: tuple[str, ...]) -> None:
    """Raises UserError for another word."""
    if word not in words:
        raise UserError(f"{word!r} cannot be chosen here.", cure=f"Choose one of: {', '.join(words)}.")


@guarded
def recent(listener: Listener, limit: Limit = 20, json: Json = False, data: Data = None, config: Config = None) -> None:
    """The last plays, newest first, in the listener's local time."""
    run = shell(json, data, config)
    with run.api() as api:
        page = api.get(route(listener, "recent"), limit=limit)
    columns = {"when": "when", "title": "track", "artist": "artist", "album": "album", "genre": "genre"}
    run.show(
        page,
        lambda: (
            table([{**play, "when": local_minute(play), "title": called(play)} for play in page["plays"]], columns)
            if page["plays"]
            else Text("No plays yet. Import an export: spotifire import PATH --listener NAME")
        ),
        empty=not page["plays"],
    )


def called(play: dict[str, Any]) -> str:
    """A play's title, or the URI of a track that Spotify removed: exports name it no more."""
    return str(play["title"] or play["uri"])


def local_minute(play: dict[str, Any]) -> str:
    """When a play started, as the listener's clock showed it."""
    return f"{play['local_date']} {play['local_time']}"


@guarded
def top(
    what: Annotated[str, typer.Argument(help="artists, tracks, albums or genres.")],
    listener: Listener,
    window: Window = "90d",
    by: By = "plays",
    limit: Limit = 20,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """What was played most, by plays or by minutes."""
    one_of(what, RANKED)
    one_of(by, BY)
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get(route(listener, f"top/{quote(what, safe='')}"), window=window, by=by, limit=limit)
    rows = answer["rows"]
    most = max((row[by] for row in rows), default=0)
    width = 24 if out.width >= 100 else 12
    columns = {"rank": "", "name": what, "artist": "by", "plays": "plays", "minutes": "minutes", "bar": ""}
    if not any(row.get("artist") for row in rows):
        del columns["artist"]
    run.show(
        answer,
        lambda: (
            table([{**row, "bar": bar(row[by], most, width)} for row in rows], columns) if rows else nothing_in(window)
        ),
        empty=not rows,
    )


@guarded
def clock(
    listener: Listener,
    window: Window = "90d",
    by: By = "plays",
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Plays by local hour."""
    one_of(by, BY)
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get(route(listener, "clock"), window=window, by=by)
    hours = answer["hours"]
    most = max((hour[by] for hour in hours), default=0)

    def picture() -> Group:
        lines = [Text(f"{hour['hour']:02d}  {bar(hour[by], most)} {hour[by]:,.0f}") for hour in hours]
        return Group(Text(f"{by} by local hour, {window}"), *lines)

    run.show(answer, picture if most else lambda: nothing_in(window), empty=not most)


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHADES = " ░▒▓█"


@guarded
def week(
    listener: Listener,
    window: Window = "90d",
    by: By = "plays",
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Plays by weekday and local hour."""
    one_of(by, BY)
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get(route(listener, "week"), window=window)
    hours = answer["hours"]
    most = max((hour[by] for hour in hours), default=0)

    def picture() -> Group:
        lines = []
        for number, name in enumerate(WEEKDAYS, start=1):
            row = [hour[by] for hour in hours if hour["weekday"] == number]
            shades = "".join(2 * SHADES[math.ceil(value * 4 / most)] for value in row)
            lines.append(Text(f"{name}  {shades}  {sum(row):,.0f}"))
        scale = "     " + "".join(f"{hour:02d}    " for hour in range(0, 24, 3))
        return Group(Text(f"{by} by weekday and local hour, {window}"), Text(scale), *lines)

    run.show(answer, picture if most else lambda: nothing_in(window), empty=not most)


def nothing_in(window: str) -> Text:
    """The answer for a window without plays, and where to look instead."""
    return Text(f"No plays in {window}." + ("" if window == "all" else " A longer one: --window all"))


@guarded
def profile(
    listener: Annotated[str | None, typer.Argument(help="A listener's name or id.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every listener.")] = False,
    window: Window = "90d",
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Who somebody is as a listener, and why."""
    run = shell(json, data, config)
    with run.api() as api:
        names = (
            [row["listener"] for row in api.get("/listeners")["listeners"]]
            if everyone or listener is None
            else [listener]
        )
        profiles = [api.get(route(name, "profile"), window=window) for name in names]
    run.show(
        profiles if everyone or listener is None else profiles[0],
        lambda: Group(*(portrait(one) for one in profiles)) if profiles else Text("There are no listeners yet."),
    )


def portrait(answer: dict[str, Any]) -> Text:
    """A profile in a few lines."""
    from api.web.words import fit

    drawn = Text(f"{printable(answer['name'])}: ", style="bold")
    if answer["persona"] is None:
        drawn.append("not enough data yet", style="default")
        if answer["window"] != "all":
            drawn.append(" (a longer window may know more: --window all)", style="not bold")
    else:
        drawn.append(f"{answer['persona']} ({fit(answer['confidence'])})")
    for reason in answer["reasons"]:
        drawn.append(f"\n  {printable(reason)}", style="not bold")
    return drawn
