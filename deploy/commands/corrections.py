"""`hide`, `unhide`, `merge`, `unmerge`: correct what is counted; and waiting for a worker's commands."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from deploy.client import Api
from deploy.commands.console import Config, Data, Json, Listener, err, guarded, printable, route, shell, table
from streams.contracts.errors import UserError

POLL = 0.2  # seconds between two looks at a command
PATIENCE = 60.0  # seconds without any progress before the command says how to go on

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Play = Annotated[str | None, typer.Option("--play", help="A play's id, as `recent --json` gives it.")]
Artist = Annotated[str | None, typer.Option("--artist", help="An artist's name or Spotify id.")]
Track = Annotated[str | None, typer.Option("--track", help="A track's URI.")]


def confirmed(yes: bool, question: str) -> None:
    """Ask on a terminal, where nobody said yes before. Raises UserError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("This changes what is stored, and nobody can be asked here.", cure="Give --yes.")
    typer.confirm(question, abort=True, err=True)


def carried_out(api: Api, listener: str, asked: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Wait until the worker has done a listener's command; what came of it. Raises as `waited`."""
    return waited(api, route(listener, f"commands/{asked['command_id']}"), quiet=quiet)


def waited(api: Api, place: str, *, quiet: bool) -> dict[str, Any]:
    """Wait until the worker has done the command of that route. Raises UserError when it does not begin."""
    moved, before = time.monotonic(), ""
    with err.status("waiting for the worker") as status:
        status.stop() if quiet or not err.is_terminal else status.start()
        while True:
            command: dict[str, Any] = api.get(place)
            if command["state"] == "done":
                return command
            if command["detail"] != before:
                moved, before = time.monotonic(), command["detail"]
                status.update(printable(before))
            if time.monotonic() - moved > PATIENCE:
                raise UserError(
                    "The worker has not come to it yet; it is not forgotten.",
                    cure="Is a worker running? See `spotifire doctor`.",
                )
            time.sleep(POLL)


def chosen(play: str | None, artist: str | None, track: str | None) -> dict[str, str]:
    """The one of the three that was given."""
    given = {"play": play, "artist": artist, "track": track}
    return {name: text for name, text in given.items() if text is not None}


@guarded
def hide(
    listener: Listener,
    play: Play = None,
    artist: Artist = None,
    track: Track = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Hide a play, an artist or a track: it counts nowhere, and stays stored. Without any: what is hidden."""
    run = shell(json, data, config)
    what = chosen(play, artist, track)
    if not what:
        with run.api() as api:
            answer = api.get(route(listener, "corrections"))
        run.show(answer, lambda: listed(answer["corrections"]))
        return
    with run.api(writes=True) as api:
        done = carried_out(api, listener, api.post(route(listener, "hidden"), what), quiet=json)
    run.show(done, lambda: Text(f"Hidden: {done['detail']}. Back: spotifire unhide"))


def listed(rows: list[dict[str, Any]]) -> RenderableType:
    """What is hidden and merged."""
    columns = {"kind": "kind", "label": "what", "subject": "id", "target": "counts as"}
    return table(rows, columns) if rows else Text("Nothing is hidden or merged.")


@guarded
def unhide(
    listener: Listener,
    play: Play = None,
    artist: Artist = None,
    track: Track = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Show again what was hidden."""
    what = chosen(play, artist, track)
    if len(what) != 1:
        raise UserError("What is shown again is one play, artist or track.", cure="Give one: see `spotifire hide`.")
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        asked = api.call("DELETE", route(listener, "hidden"), params=what)
        done = carried_out(api, listener, asked, quiet=json)
    run.show(done, lambda: Text(f"Shown again: {done['detail']}."))


@guarded
def merge(
    listener: Listener,
    track: Annotated[str | None, typer.Argument(help="A track's URI.")] = None,
    into: Annotated[str | None, typer.Argument(help="The URI that it counts as from now on.")] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Let two recordings count as one track. Without any: which share their recording code."""
    run = shell(json, data, config)
    if track is None:
        with run.api() as api:
            answer = api.get(route(listener, "recordings"))
        columns = {"artist": "artist", "titles": "titles", "plays": "plays", "uris": "URIs"}
        run.show(
            answer,
            lambda: table(answer["recordings"], columns) if answer["recordings"] else Text("No tracks share a code."),
        )
        return
    if into is None:
        raise UserError("A track counts as another one, and that is missing.", cure="Give two URIs.")
    with run.api(writes=True) as api:
        asked = api.post(route(listener, "merges"), {"track": track, "into": into})
        done = carried_out(api, listener, asked, quiet=json)
    run.show(done, lambda: Text(f"Merged: {done['detail']}. Back: spotifire unmerge"))


@guarded
def unmerge(
    listener: Listener,
    track: Annotated[str, typer.Argument(help="The URI that was merged into another.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Let two recordings count apart again."""
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        asked = api.call("DELETE", route(listener, "merges"), params={"track": track})
        done = carried_out(api, listener, asked, quiet=json)
    run.show(done, lambda: Text(f"Apart again: {done['detail']}."))
