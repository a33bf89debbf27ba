"""Out of the database and back: a listener's export, a backup, the archive, and what an erasure leaves."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from msgspec.structs import asdict
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.problems import Problem
from api.routes.imports import FILES, jobs_of
from api.scope import Listener, Owner, ServicesOf
from api.services import Services, needed
from api.uploads import receive_files
from producers.history.own_zip import read_own_zip
from sinks import archive, backups, erase
from sinks.clickhouse import ClickHouse
from sinks.exports.listener import export_listener
from sinks.exports.restore import restore_beside, restore_listener, standing_for
from streams.contracts import ids
from streams.contracts.errors import UserError
from streams.contracts.topics import ARTIST_DESCRIBED, TOPICS

router = APIRouter(prefix="/api/v1", tags=["export"])

Place = Annotated[str, Field(max_length=1024, examples=["s3://bucket/spotifire"])]
PERSONAL = tuple(topic for topic in TOPICS if topic is not ARTIST_DESCRIBED)


class ArchiveTo(BaseModel):
    """A folder of the server's, or s3://BUCKET/PREFIX; without it the configured place."""

    model_config = ConfigDict(extra="forbid")

    to: Place | None = None


class ArchiveFrom(BaseModel):
    """A folder of the server's, or s3://BUCKET/PREFIX; without it the configured place."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str | None, Field(max_length=1024, alias="from")] = None


@router.get("/listeners/{listener}/export", summary="Everything about a listener", response_class=Response)
async def export(
    listener: Listener, services: ServicesOf, format: Literal["jsonl", "csv", "parquet"] = "jsonl"
) -> Response:
    """A zip with a file a table and a manifest, sent while it is made; no secrets. Importing it gives
    the same sightings and plays. One that was cut off is no valid zip."""
    pieces = export_listener(_database(services), listener, format)
    name = f"spotifire-{listener.name}-{datetime.now(UTC):%Y-%m-%d}.zip"
    return await _sent(pieces, name, "application/zip")


@router.post("/imports", status_code=202, summary="Import an export of ours for whom it is", openapi_extra=FILES)
async def begin(
    request: Request,
    services: ServicesOf,
    caller: Owner,
    name: Annotated[str | None, Query(max_length=64, description="what to call them; else as before")] = None,
) -> Response:
    """Makes the listener again, with id, time zones, what counts and corrections, then imports as
    `POST /listeners/{listener}/imports` does. 409 where they are here already, or the name is taken."""
    run, ch = needed(services.imports, "The importer"), _database(services)
    listeners = needed(services.listeners, "The database")
    upload = await receive_files(request, services.settings.data_dir, services.settings.max_upload)
    try:
        if len(upload.files) != 1:
            raise Problem(400, "An export of ours is one zip.", cure="Send one file.")
        said = await run_in_threadpool(read_own_zip, upload.files[0])
        row = await run_in_threadpool(restore_listener, ch, listeners, said.listener, name)
        beside = {
            "corrections": said.corrections,
            "gaps": said.gaps,
            "travel": said.travel,
            "artists": said.artists,
            "library": said.library_items,
        }
        await run_in_threadpool(restore_beside, ch, row.id, **beside)
    except BaseException:
        await run_in_threadpool(upload.remove)
        raise
    job = jobs_of(request).start(run, upload, row.id)
    place = f"/api/v1/listeners/{row.listener}/imports/{job.import_id}"
    return JSONResponse(job.shown(), 202, headers={"Location": place})


@router.post("/backup", summary="The whole instance as one file", response_class=Response)
async def backup(services: ServicesOf, caller: Owner, format: Literal["zip", "tar.zst"] = "zip") -> Response:
    """Every table as it was at one moment, while all goes on; without the key of the stored tokens. On a
    server 400 with the statement that lets it back itself up."""
    ch, folder = _database(services), _scratch(services)

    def pieces() -> Generator[bytes, None, None]:
        try:
            folder.mkdir(parents=True, mode=0o700)
            manifest = backups.dump(ch, folder)
            yield from backups.pack(format, folder, manifest)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    name = f"spotifire-{datetime.now(UTC):%Y-%m-%dT%H%M}.{format}"
    return await _sent(pieces(), name, "application/zip" if format == "zip" else "application/zstd")


@router.post("/archive", summary="Archive what changed")
async def archive_run(services: ServicesOf, caller: Owner, body: ArchiveTo) -> dict[str, Any]:
    """Every listener's sightings as Parquet, a file a month; only months that changed are written."""
    place = await run_in_threadpool(_place, services, body.to)
    return asdict(await run_in_threadpool(archive.run, _database(services), place))


@router.post("/archive/restore", summary="Bring back what an archive holds")
async def archive_restore(services: ServicesOf, caller: Owner, body: ArchiveFrom) -> dict[str, Any]:
    """Imports every listener's sightings; who is not here is made again. What is stored already adds nothing."""
    run = needed(services.imports, "The importer")
    place = await run_in_threadpool(_place, services, body.source)
    held = await run_in_threadpool(archive.contents, place)
    folder, reports = _scratch(services), []
    folder.mkdir(parents=True, mode=0o700)
    try:
        for listener, months in held.listeners.items():
            number = await run_in_threadpool(_ensured, services, place, listener)
            files = await run_in_threadpool(list, archive.fetch(place, listener, sorted(months), folder))
            if files:
                report = await run(files, number, ids.new_id(), lambda _: None)
                reports.append({"listener": ids.to_hex(number), **asdict(report)})
            for file in files:
                file.unlink()
    finally:
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
    sums = {key: sum(report[key] for report in reports) for key in ("read", "stored", "known")}
    return {"place": place.text, "listeners": len(held.listeners), **sums, "imports": reports}


@router.get("/held/{listener_id}", summary="What is held of a listener, also of one who was erased")
def held(
    services: ServicesOf, caller: Owner, listener_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
) -> dict[str, Any]:
    """Live rows by table; once erased, since when, what came again and was refused, and what each topic
    may hold of them until its retention ends."""
    ch = _database(services)
    found = erase.held(ch, ids.from_hex(listener_id))
    erased = found.erased_at
    topics = {
        topic.name: None
        if topic.retention_ms is None
        else (erased + timedelta(milliseconds=topic.retention_ms)).isoformat(timespec="seconds")
        for topic in PERSONAL
        if erased is not None
    }
    return {
        "listener": listener_id,
        "rows": found.rows,
        "erased_at": erased.isoformat(timespec="milliseconds") if erased else None,
        "refused_since": found.refused,
        "topics_until": topics,
    }


def _ensured(services: Services, place: archive.Place, listener: str) -> int:
    """The id of an archived listener, who is made again where nobody has it."""
    listeners, ch = needed(services.listeners, "The database"), _database(services)
    try:
        return listeners.get(ids.to_hex(standing_for(ch, ids.from_hex(listener)))).id
    except UserError:
        return restore_listener(ch, listeners, archive.settings_of(place, listener), None).id


def _place(services: Services, given: str | None) -> archive.Place:
    return archive.Place(given or services.archive or str(services.settings.data_dir / "archive"), services.s3)


def _database(services: Services) -> ClickHouse:
    return needed(services.database, "The database")


def _scratch(services: Services) -> File:
    """A folder that a start removes if this process is killed."""
    return services.settings.data_dir / "uploads" / ids.to_hex(ids.new_id())


async def _sent(pieces: Iterator[bytes], name: str, kind: str) -> Response:
    """An answer that is sent while it is made. What fails before the first piece is a problem like any other."""
    first = await run_in_threadpool(next, pieces, b"")

    async def body() -> AsyncIterator[bytes]:
        try:
            yield first
            while (piece := await run_in_threadpool(next, pieces, None)) is not None:
                yield piece
        finally:
            close: Callable[[], None] | None = getattr(pieces, "close", None)
            if close is not None:
                await run_in_threadpool(close)

    ascii_name = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in name)
    disposition = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
    return StreamingResponse(body(), media_type=kind, headers={"Content-Disposition": disposition})
