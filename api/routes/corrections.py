"""What a listener corrects: hidden plays, artists and tracks, merged recordings; and the work that it makes."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import examples
from api.asking import ask
from api.examples import example
from api.problems import Problem
from api.routes.reads import Store
from api.scope import Listener, Owner, ServicesOf
from api.services import needed
from api.shapes import Asked, Commands, CommandShape, Corrections, Recordings
from sinks.times import to_time
from streams.contracts import ids
from streams.contracts.ports import Command

router = APIRouter(prefix="/api/v1/listeners/{listener}", tags=["corrections"])

PlayId = Annotated[str, Field(pattern="^[0-9a-f]{16}$", description="as `recent` gives it")]
Artist = Annotated[str, Field(min_length=1, max_length=256, description="an artist's id or name")]
Uri = Annotated[
    str, Field(pattern=r"^\S+$", max_length=512, examples=["spotify:track:4wajJ1o7jWIg62YqpkHC7S"], description="URI")
]
CommandId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


class Hidden(BaseModel):
    """One of the three."""

    model_config = ConfigDict(extra="forbid")

    play: PlayId | None = None
    artist: Artist | None = None
    track: Uri | None = None

    def only(self) -> dict[str, str]:
        """The one that is given. Raises Problem 400."""
        given = self.model_dump(exclude_none=True)
        if len(given) != 1 or not all(text.strip() for text in given.values()):
            raise Problem(400, "What is hidden is one play, artist or track.", cure="Give exactly one of the three.")
        return given


def hidden_of(
    play: Annotated[str | None, Query(pattern="^[0-9a-f]{16}$")] = None,
    artist: Annotated[str | None, Query(min_length=1, max_length=256)] = None,
    track: Annotated[str | None, Query(pattern=r"^\S+$", max_length=512)] = None,
) -> Hidden:
    """The same three of a query."""
    return Hidden(play=play, artist=artist, track=track)


class Merge(BaseModel):
    """`track` counts as `into`."""

    model_config = ConfigDict(extra="forbid")

    track: Uri
    into: Uri


@router.get("/corrections", summary="What is hidden and merged", responses=example(examples.CORRECTIONS))
def corrections(listener: Listener, store: Store) -> Corrections:
    """Newest first. Each can be taken back."""
    return Corrections(store.corrections(listener.id))


@router.post("/hidden", status_code=202, summary="Hide a play, an artist or a track")
async def hide(services: ServicesOf, listener: Listener, what: Hidden) -> Asked:
    """It counts nowhere any more, and stays in the export. The worker stamps the plays concerned."""
    return await ask(services, listener.id, "hide", **what.only())


@router.delete("/hidden", status_code=202, summary="Show again what was hidden")
async def unhide(services: ServicesOf, listener: Listener, what: Annotated[Hidden, Depends(hidden_of)]) -> Asked:
    """As before it was hidden."""
    return await ask(services, listener.id, "unhide", **what.only())


@router.get("/recordings", summary="What could be merged", responses=example(examples.RECORDINGS))
def recordings(listener: Listener, store: Store) -> Recordings:
    """Tracks of different URIs with one ISRC that do not count as one yet."""
    return Recordings(store.same_recordings(listener.id))


@router.post("/merges", status_code=202, summary="Let two recordings count as one track")
async def merge(services: ServicesOf, listener: Listener, what: Merge) -> Asked:
    """`track` counts as `into` in every ranking, also what is played later. Sightings stay as they are."""
    if what.track == what.into:
        raise Problem(400, "A track cannot be merged with itself.", cure="Give two different URIs.")
    return await ask(services, listener.id, "merge", track=what.track, into=what.into)


@router.delete("/merges", status_code=202, summary="Let two recordings count apart again")
async def unmerge(
    services: ServicesOf, listener: Listener, track: Annotated[str, Query(pattern=r"^\S+$", max_length=512)]
) -> Asked:
    """`track` is the one that was merged into another."""
    return await ask(services, listener.id, "unmerge", track=track)


@router.post("/restamp", status_code=202, summary="Derive all plays anew")
async def restamp(services: ServicesOf, listener: Listener, caller: Owner) -> Asked:
    """From all sightings, as zones, catalogue and corrections now say. Nothing is imported again."""
    return await ask(services, listener.id, "restamp")


@router.get("/commands", summary="Work that the listener's worker was asked for")
async def commands(services: ServicesOf, listener: Listener) -> Commands:
    """Newest first, with its state."""
    found = await run_in_threadpool(needed(services.commands, "The command log").of, listener.id)
    return Commands([shape(command) for command in found])


@router.get("/commands/{command_id}", summary="One command of a listener")
async def command(services: ServicesOf, listener: Listener, command_id: CommandId) -> CommandShape:
    """`asked`, `working` or `done`, and what came of it."""
    found = await run_in_threadpool(needed(services.commands, "The command log").get, ids.from_hex(command_id))
    if found is None or found.listener != listener.id:
        raise Problem(404, "There is no such command of this listener.")
    return shape(found)


def shape(command: Command) -> CommandShape:
    """A command as JSON shows it."""
    said = msgspec.structs.asdict(command)
    return CommandShape(
        **{
            **said,
            "listener": ids.to_hex(command.listener),
            "command_id": ids.to_hex(command.command_id),
            "asked_at": to_time(command.asked_at),
            "arguments": dict(command.arguments),
        }
    )
