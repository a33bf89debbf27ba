"""What only the owner does: SQL, doctor, the catalogue, demo listeners."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import examples
from api.asking import ask
from api.examples import example
from api.problems import Problem
from api.routes.corrections import CommandId, shape
from api.routes.imports import FILES
from api.routes.reads import Store
from api.scope import Owner, ServicesOf
from api.services import Finding, needed
from api.shapes import CatalogCounts, CommandShape, Findings, Removed, SqlAnswer
from api.uploads import receive_files
from streams.contracts import ids
from streams.contracts.errors import SpotifireError

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/api/v1", tags=["owner"])

PATIENCE = 20.0  # seconds that one of doctor's checks may take
SAFE_INTEGER = 1 << 53  # beyond it JavaScript rounds


class Query_(BaseModel):  # noqa: N801 - Query is FastAPI's
    """A read-only statement on the views."""

    model_config = ConfigDict(extra="forbid", title="Query")

    query: Annotated[str, Field(max_length=100_000, examples=["SELECT count() FROM v_plays"])]
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000


@router.post("/sql", summary="Read-only SQL", responses=example(examples.SQL))
def sql(store: Store, caller: Owner, body: Query_) -> SqlAnswer:
    """Limited in time, rows and memory; sees no secrets, files or addresses."""
    table = store.sql(body.query, body.limit)
    return SqlAnswer(list(table.columns), [[_plain(value) for value in row] for row in table.rows])


def _plain(value: Any) -> Any:
    """A value as JSON can carry it: big integers as text, bytes as text, the rest as it is."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


@router.get("/doctor", summary="What is wrong, and what to do", responses=example(examples.FINDINGS))
async def doctor(services: ServicesOf, caller: Owner) -> Findings:
    """Every part's checks."""
    found = await asyncio.gather(*(_checked(check) for check in services.checks))
    return Findings([finding for findings in found for finding in findings])


async def _checked(check: Callable[[], Awaitable[Sequence[Finding]]]) -> Sequence[Finding]:
    """A check that fails by itself is a finding too."""
    try:
        return await asyncio.wait_for(check(), PATIENCE)
    except TimeoutError:
        part = getattr(check, "__name__", "check")
        return [Finding(part=part, state="failed", detail=f"No answer within {PATIENCE:.0f} s.")]
    except SpotifireError as error:
        part = getattr(check, "__name__", "check")
        return [Finding(part=part, state="failed", detail=error.message, cure=error.cure)]
    except Exception as error:
        log.exception("a check failed by itself")
        part = getattr(check, "__name__", "check")
        return [Finding(part=part, state="failed", detail=f"The check itself failed: {type(error).__name__}.")]


@router.get("/commands/{command_id}", summary="Work that a listener's worker was asked for")
def command(services: ServicesOf, caller: Owner, command_id: CommandId) -> CommandShape:
    """Its state, `asked`, `working` or `done`, and what came of it."""
    found = needed(services.commands, "The command log").get(ids.from_hex(command_id))
    if found is None:
        raise Problem(404, "There is no such command.")
    return shape(found)


@router.get("/stats", summary="What the worker did since it started")
def stats(services: ServicesOf, caller: Owner) -> Response:
    """Counts; lag in records; p50 and p99 from published to queryable, last minute without backlogs, in seconds."""
    return JSONResponse(msgspec.to_builtins(needed(services.stats, "The worker")()))


@router.post("/catalog", summary="Import a catalogue of artists", openapi_extra=FILES)
async def catalog(request: Request, services: ServicesOf, caller: Owner) -> CatalogCounts:
    """A JSON list of `{id, name, genres, popularity, followers}`. Plays of artists that became
    known are stamped again by themselves."""
    run = needed(services.catalog, "The catalogue")
    settings = services.settings
    upload = await receive_files(request, settings.data_dir, settings.max_upload)
    try:
        found = await run(upload.files[0])
    finally:
        await run_in_threadpool(upload.remove)
    for listener in found.listeners_to_restamp:
        await ask(services, listener, "restamp")
    return CatalogCounts(found.read, found.stored, found.refused, len(found.listeners_to_restamp))


@router.delete("/demo", status_code=202, summary="Remove the demo listeners")
async def remove_demo(services: ServicesOf, caller: Owner) -> Removed:
    """Erases every listener that is a demo, and no other."""
    if services.end_demo is not None:
        await services.end_demo()
    rows = await run_in_threadpool(needed(services.reader, "The database").listeners)
    asked = [await ask(services, row.id, "erase") for row in rows if row.is_demo]
    return Removed(len(asked), asked)
