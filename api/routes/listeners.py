"""Who is recorded, where they live, and their connection to Spotify."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import examples
from api.asking import ask
from api.examples import example
from api.problems import Problem
from api.scope import CallerOf, Listener, Owner, ServicesOf, refuse_demo, shared
from api.services import Services, needed
from api.shapes import Asked, ConnectionBegun, ConnectionState, Listeners, ListenerShape
from sinks.rows import ListenerRow
from streams.contracts import ids
from streams.contracts.errors import SpotifireError
from streams.contracts.ports import Connection
from streams.enrich.zones import check_zone

log = structlog.get_logger(__name__)

router = APIRouter(tags=["listeners"])
ROOT = "/api/v1/listeners"

Zone = Annotated[str, Field(description="IANA time zone", examples=["Europe/Lisbon"], max_length=64)]


class NewListener(BaseModel):
    """Somebody to record."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64, examples=["Ada"])]
    timezone: Zone
    hemisphere: Literal["", "north", "south"] = ""


class Changes(BaseModel):
    """What to change; what is left out stays. A zone without `since` has always been theirs."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    timezone: Zone | None = None
    since: Annotated[date | None, Field(description="first local day in that zone")] = None
    hemisphere: Annotated[Literal["", "north", "south"] | None, Field(description="empty: from the zone")] = None
    min_ms_played: Annotated[int | None, Field(ge=0, le=86_400_000)] = None
    count_incognito: bool | None = None
    finished_only: bool | None = None
    profile_sources: Literal["all", "export"] | None = None


class SpotifyApp(BaseModel):
    """An app of Spotify's developer dashboard. Without a secret the flow is PKCE."""

    model_config = ConfigDict(extra="forbid")

    client_id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[0-9A-Za-z_-]+$")]
    client_secret: Annotated[str, Field(max_length=128)] = ""


def shape(services: Services, row: ListenerRow) -> ListenerShape:
    """A listener's row with the state of their connection."""
    return _shaped(row, connection_of(services, row))


def _shaped(row: ListenerRow, connection: ConnectionState) -> ListenerShape:
    fields = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return ListenerShape(**fields, time_zone=row.zone, connection=connection.state)


def connection_of(services: Services, row: ListenerRow) -> ConnectionState:
    """The connection without its secrets. Blocks."""
    return _connection(services, row, services.connections.get(row.id) if services.connections else None)


def _connection(services: Services, row: ListenerRow, stored: Connection | None) -> ConnectionState:
    redirect = services.redirect_uri
    waits, failed = services.connecting.waiting(row.id) if services.connecting else (False, "")
    state = "pending" if waits else "none"
    if stored is None or not stored.refresh_token:
        return ConnectionState(state, failed, redirect_uri=redirect)
    granted = datetime.fromtimestamp(stored.granted_at / 1000, UTC) if stored.granted_at else None
    return ConnectionState(
        state="pending" if waits else stored.state,
        detail=failed or stored.detail,
        account_id=stored.account_id,
        client_id=stored.client_id,
        redirect_uri=redirect,
        granted_at=granted,
    )


@router.get(ROOT, summary="Those whom the caller may see", responses=example(examples.LISTENERS))
@shared
def everyone(services: ServicesOf, caller: CallerOf) -> Listeners:
    """For the owner everyone; for a listener's token that listener alone."""
    rows = needed(services.reader, "The database").listeners()
    mine = [row for row in rows if caller.is_owner or row.id == caller.listener]
    stored = {one.listener: one for one in services.connections.all()} if services.connections else {}
    return Listeners([_shaped(row, _connection(services, row, stored.get(row.id))) for row in mine])


@router.post(ROOT, status_code=201, summary="Add a listener", responses=example(examples.LISTENER, 201))
def add(services: ServicesOf, caller: Owner, new: NewListener) -> ListenerShape:
    """409 where somebody is called so already; letter case does not matter."""
    row = needed(services.listeners, "The database").add(new.name, new.timezone, hemisphere=new.hemisphere)
    return shape(services, row)


@router.get(ROOT + "/{listener}", summary="One listener", responses=example(examples.LISTENER))
def one(services: ServicesOf, listener: Listener) -> ListenerShape:
    """By name or id."""
    return shape(services, listener)


@router.patch(ROOT + "/{listener}", summary="Change a listener", responses=example(examples.LISTENER))
async def change(services: ServicesOf, caller: Owner, listener: Listener, changes: Changes) -> ListenerShape:
    """A change of zone or hemisphere stamps the listener's plays again, by itself. 409 where somebody else has
    the name."""
    listeners = needed(services.listeners, "The database")
    if changes.since is not None and changes.timezone is None:
        raise Problem(400, "`since` says from when on a time zone holds, and none is given.", cure="Give both.")
    moved = changes.timezone is not None or changes.hemisphere is not None
    if moved:  # before anything is changed: without a worker the plays would keep the old zone
        needed(services.publisher, "The publisher")

    def carry_out() -> ListenerRow:
        zone = check_zone(changes.timezone) if changes.timezone is not None else None
        starts = midnight(changes.since, zone) if changes.since and zone else None
        settings = changes.model_dump(exclude={"timezone", "since"}, exclude_none=True)
        row = listeners.set(listener.listener, **settings) if settings else listener  # the name may be taken
        return listeners.set_zone(listener.listener, zone, starts) if zone else row

    row = await run_in_threadpool(carry_out)
    if moved:
        await ask(services, listener.id, "restamp")
    return await run_in_threadpool(shape, services, row)


def midnight(day: date, zone: str) -> int:
    """When a local day begins in a zone, Unix milliseconds UTC. Raises Problem 400 for no zone."""
    try:
        return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Problem(400, f"{zone!r} is no time zone.", cure="Use an IANA name such as Europe/Lisbon.") from None


@router.delete(ROOT + "/{listener}", status_code=202, summary="Erase a listener")
async def erase(services: ServicesOf, caller: Owner, listener: Listener) -> Asked:
    """Deletes all that is stored about them; what was published before is refused if it comes again."""
    return await ask(services, listener.id, "erase")


@router.post(ROOT + "/{listener}/connection", status_code=201, summary="Begin a connection to Spotify")
def connect(services: ServicesOf, caller: Owner, listener: Listener, app: SpotifyApp) -> ConnectionBegun:
    """The person agrees on `url`; Spotify then sends the browser to `redirect_uri`."""
    refuse_demo(listener)
    connecting = needed(services.connecting, "The connection to Spotify")
    url = connecting.begin(listener.id, app.client_id, app.client_secret)
    return ConnectionBegun(url, services.redirect_uri)


@router.get(ROOT + "/{listener}/connection", summary="The connection to Spotify")
def connection(services: ServicesOf, listener: Listener) -> ConnectionState:
    """Its state; never its secrets."""
    return connection_of(services, listener)


@router.delete(ROOT + "/{listener}/connection", summary="Disconnect from Spotify")
def disconnect(services: ServicesOf, caller: Owner, listener: Listener) -> ConnectionState:
    """Forgets the token; plays stay."""
    needed(services.connections, "The database").remove(listener.id)
    services.connections_changed()
    return connection_of(services, listener)


@router.get("/callback", include_in_schema=False)
def callback(
    services: ServicesOf,
    caller: Owner,
    state: Annotated[str, Query(max_length=4096)] = "",
    code: Annotated[str, Query(max_length=4096)] = "",
    error: Annotated[str, Query(max_length=256)] = "",
) -> Response:
    """Where Spotify sends the browser back to."""
    connecting = needed(services.connecting, "The connection to Spotify")
    try:
        done = connecting.finish(state, code, error)
    except SpotifireError as failure:
        log.warning("connection failed", reason=failure.message)
        # why is told by the connection's own state: the page repeats no text from an address
        return RedirectResponse("/connect?failed=1#spotify", 303)
    services.connections_changed()
    query = urlencode({"listener": ids.to_hex(done.listener), "connected": "1"})
    return RedirectResponse(f"/connect?{query}#spotify", 303)
