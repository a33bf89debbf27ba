"""A listener's own export: hand in the files, watch the import, read its reconciliation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool

from api.asking import ask
from api.jobs import ImportJob, ImportJobs
from api.lasting import Event, while_let_in
from api.problems import Problem
from api.routes.reads import Store
from api.scope import CallerOf, Listener, Owner, ServicesOf, refuse_demo
from api.services import Services, needed
from api.shapes import Asked, Imports
from api.uploads import receive_files
from sinks.rows import ImportRow

router = APIRouter(prefix="/api/v1/listeners/{listener}/imports", tags=["imports"])

ELSEWHERE = 1.0  # seconds between two looks at an import that another process runs

ImportId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
FILES = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}
EXAMPLE = {
    "import_id": "9b1f6a0c2d3e4f50",
    "listener": "00c0ffee00c0ffee",
    "state": "done",
    "files": ["Streaming_History_Audio_2024-2025_3.json"],
    "left_out": [{"file": "Identity.json", "why": "no list of plays"}],
    "progress": {"read": 80120, "published": 80120},
    "report": {
        "import_id": "9b1f6a0c2d3e4f50",
        "read": 80120,
        "stored": 80100,
        "known": 17,
        "refused": {"impossible-time": 3},
        "plays_new": 79012,
        "plays_merged": 41,
        "gaps_closed": 1,
        "seconds": 4.2,
        "first": "2016-03-02T07:41:09Z",
        "last": "2025-10-30T21:14:55Z",
    },
    "refused_rows": [
        {
            "reason": "impossible-time",
            "rows": 3,
            "message": "reported_end lies outside of what can be: before 2006 or in the future",
            "places": ["Streaming_History_Audio_2024-2025_3.json#17"],
        }
    ],
    "detail": "",
    "exit_code": 0,
}
STATE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": EXAMPLE}}}}


def jobs_of(request: Request) -> ImportJobs:
    """Imports that run in this process."""
    jobs: ImportJobs = request.app.state.jobs
    return jobs


@router.post("", status_code=202, summary="Import export files", openapi_extra=FILES, responses={202: STATE[200]})
async def begin(request: Request, listener: Listener, services: ServicesOf, caller: Owner) -> Response:
    """A zip, or JSON files, as multipart/form-data. 202 with where to watch: `state` is `done` when
    every row is stored durably and reconciled."""
    refuse_demo(listener)
    run = needed(services.imports, "The importer")
    settings = services.settings
    upload = await receive_files(request, settings.data_dir, settings.max_upload)
    job = jobs_of(request).start(run, upload, listener.id)
    place = f"/api/v1/listeners/{listener.listener}/imports/{job.import_id}"
    return JSONResponse(job.shown(), 202, headers={"Location": place})


@router.get("", summary="Imports, newest first")
def imports(listener: Listener, store: Store) -> Imports:
    """Each with its reconciliation."""
    return Imports(list(store.imports(listener.id)))


@router.get("/{import_id}", summary="One import", responses=STATE)
def one(request: Request, listener: Listener, services: ServicesOf, import_id: ImportId) -> Response:
    """Its progress while it runs; its reconciliation, or why it failed, afterwards."""
    job = jobs_of(request).get(import_id, listener.listener)
    return Response(_state(services, listener.id, import_id, job), media_type="application/json")


def _state(services: Services, listener: int, import_id: str, job: ImportJob | None) -> bytes:
    """An import as JSON: as the process that runs it has it, and as it is stored once it has ended. Blocks."""
    reader = needed(services.reader, "The database")
    row = None if job is not None and job.state == "running" else reader.one_import(listener, import_id)
    if row is None and job is not None:
        return msgspec.json.encode(job.shown())
    shown = _shown(_there(row))
    shown["refused_rows"] = reader.refused_rows(import_id)
    if job is not None and job.state == "failed" and shown["state"] != "undone":
        shown |= {"state": "failed", "detail": job.detail, "exit_code": job.exit_code}
    return msgspec.json.encode(shown)


def _there(row: ImportRow | None) -> ImportRow:
    if row is None:
        raise Problem(404, "There is no such import of this listener.", cure="See `spotifire imports list`.")
    return row


@router.delete("/{import_id}", status_code=202, summary="Undo an import")
async def undo(request: Request, listener: Listener, services: ServicesOf, caller: Owner, import_id: ImportId) -> Asked:
    """As if it had never been run: what another import or a poll brought too stays. 409 while it runs,
    and when it was undone already; importing the same files again brings all of it back."""
    job = jobs_of(request).get(import_id, listener.listener)
    row = _there(await run_in_threadpool(needed(services.reader, "The database").one_import, listener.id, import_id))
    if row.state == "running" or (job is not None and job.state == "running"):
        raise Problem(409, "This import still runs.", cure="Wait until it has ended, then undo it.")
    if row.state == "undone":
        raise Problem(409, "This import was undone already.", cure="Import the same files to have it again.")
    return await ask(services, listener.id, "undo-import", **{"import": import_id})


def _shown(row: ImportRow) -> dict[str, Any]:
    """A stored import in the shape of one that runs."""
    return {
        "import_id": row.import_id,
        "listener": row.listener,
        "state": row.state,
        "files": row.files,
        "left_out": row.left_out,
        "started_at": row.started_at,
        "progress": {"read": row.read, "published": row.published},
        "report": row.report,
        "refused_rows": [],
        "detail": row.reason,
        "exit_code": int(row.state == "failed"),
    }


@router.get(
    "/{import_id}/stream", summary="One import's progress (server-sent events)", response_class=EventSourceResponse
)
async def progress(
    request: Request, listener: Listener, services: ServicesOf, caller: CallerOf, import_id: ImportId
) -> Response:
    """Event `progress`: as `GET` gives it, until the state is no longer `running`, or the caller's token is
    revoked. While it runs here, `progress` has rows, rows a second, bytes, and about how many seconds are left."""
    job = jobs_of(request).get(import_id, listener.listener)
    if job is None:
        _there(await run_in_threadpool(needed(services.reader, "The database").one_import, listener.id, import_id))
    events = while_let_in(request, caller, _events(services, listener.id, import_id, job))
    return EventSourceResponse(events, headers={"X-Accel-Buffering": "no"})


async def _events(
    services: Services, listener: int, import_id: str, job: ImportJob | None
) -> AsyncGenerator[Event, None]:
    """What the job says; then, and where it runs in another process, what is stored."""
    if job is not None:
        async for state in job.states():
            if state["state"] == "running":
                yield {"event": "progress", "data": msgspec.json.encode(state).decode()}
    while True:
        stored = await run_in_threadpool(_state, services, listener, import_id, job)
        yield {"event": "progress", "data": stored.decode()}
        if msgspec.json.decode(stored, type=_Ends).state != "running":
            return
        await asyncio.sleep(ELSEWHERE)


class _Ends(msgspec.Struct):
    state: str
