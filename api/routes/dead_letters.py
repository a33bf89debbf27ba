"""What was refused: look at it, and publish it again. The owner's alone, for it may be anybody's."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import examples, replaying
from api.examples import example
from api.problems import Problem
from api.scope import Owner, ServicesOf
from api.services import needed
from api.shapes import DeadLetter, DeadLetters, Header, Replayed
from sinks import dead_letters as stored
from streams.contracts import ids

router = APIRouter(prefix="/api/v1/dead-letters", tags=["owner"])

HEX = "^[0-9a-f]{16}$"
Reason = Annotated[str, Query(max_length=64, pattern="^[a-z-]*$", description="as the list gives it")]
ImportId = Annotated[str, Query(pattern="^([0-9a-f]{16})?$", alias="import")]


def letters_of(services: ServicesOf) -> stored.DeadLetters:
    """The dead letters, or 503."""
    return needed(services.dead_letters, "The database")


Letters = Annotated[stored.DeadLetters, Depends(letters_of)]


class Which(BaseModel):
    """By id, by reason, or of one import; with none of them, all that wait."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    ids: Annotated[list[Annotated[str, Field(pattern=HEX)]], Field(max_length=replaying.MOST)] = []
    reason: Annotated[str, Field(max_length=64, pattern="^[a-z-]*$")] = ""
    import_id: Annotated[str, Field(pattern="^([0-9a-f]{16})?$")] = ""


@router.get("", summary="What was refused")
def listed(
    letters: Letters,
    caller: Owner,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    reason: Reason = "",
    import_id: ImportId = "",
    waiting: Annotated[bool, Query(description="without those that were stored since")] = False,
) -> DeadLetters:
    """Newest first, each with its reason."""
    letters.settle()
    number = ids.from_hex(import_id) if import_id else 0
    return DeadLetters(letters.newest(limit, reason=reason, import_id=number, waiting=waiting))


@router.get("/{dead_letter_id}", summary="One refused record whole")
def one(letters: Letters, caller: Owner, dead_letter_id: Annotated[str, Path(pattern=HEX)]) -> DeadLetter:
    """Why, where it stood, its headers and its text."""
    letters.settle()
    found = letters.get(ids.from_hex(dead_letter_id))
    if found is None:
        raise Problem(404, "There is no such dead letter.", cure="See `spotifire dead-letters list`.")
    row = asdict(found.row) | {"payload": _text(found.payload)}
    headers = [Header(name, _text(value)) for name, value in found.headers]
    return DeadLetter(**row, key=_text(found.key), headers=headers)


@router.post("/replay", summary="Publish refused records again", responses=example(examples.REPLAYED))
async def replay(services: ServicesOf, letters: Letters, caller: Owner, which: Which) -> Replayed:
    """At most 1,000 at once, newest first. Doing it twice adds nothing."""
    if which.ids:
        return await replaying.replay(services, [ids.from_hex(one) for one in which.ids])
    await run_in_threadpool(letters.settle)
    number = ids.from_hex(which.import_id) if which.import_id else 0
    rows = await run_in_threadpool(
        lambda: letters.newest(replaying.MOST, reason=which.reason, import_id=number, waiting=True)
    )
    return await replaying.replay(services, [ids.from_hex(row.dead_letter_id) for row in rows])


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
