"""The pages: who you are and what you play, and how to add your own music. Server-rendered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.problems import Problem
from api.routes.listeners import connection_of
from api.scope import CallerOf, ServicesOf, find, shared
from api.services import Services, needed
from api.web.templating import render, static
from api.web.view import By, Choice, Ranked, gather
from api.web.words import stat_words
from sinks.rows import ListenerRow
from streams.contracts.errors import SpotifireError, UserError

router = APIRouter(include_in_schema=False)


def visible(services: Services, caller: CallerOf) -> list[ListenerRow]:
    """Those whom the caller may see; demo listeners only while there is nobody real."""
    rows = list(needed(services.reader, "The database").listeners())
    mine = [row for row in rows if caller.is_owner or row.id == caller.listener]
    real = [row for row in mine if not row.is_demo]
    return real or mine


def first_shown(services: Services, rows: list[ListenerRow]) -> ListenerRow:
    """Who is on the page before anybody is chosen: whoever plays, or played last; of demo listeners who plays most.

    Several of those play at any moment, and each load would show another one.
    """
    reader = needed(services.reader, "The database")
    active = reader.most_heard() if all(row.is_demo for row in rows) else reader.last_active()
    return next((row for row in rows if row.id == active), rows[0])


def windows(year: int) -> list[tuple[str, str]]:
    """(window, its label) of the switcher."""
    return [("30d", "30 days"), ("90d", "90 days"), (str(year), str(year)), ("all", "All time")]


def shell_context(services: Services) -> dict[str, Any]:
    """What every page shows round its content."""
    return {
        "version": services.settings.version,
        "stats": stat_words(services.stats()) if services.stats else {},
        "live": services.live.connected if services.live else None,
    }


def error_page(request: Request, status: int, cause: str, cure: str) -> Response:
    """What went wrong, for a person."""
    return render(
        request, "failed.html", {"cause": cause, "cure": cure, "live": None, "stats": {}, "version": ""}, status
    )


@router.get("/favicon.ico")
def favicon() -> Response:
    """Browsers ask for it by this name."""
    return RedirectResponse(static("logo.svg"), 301)


@router.get("/")
@shared
def home(
    request: Request,
    services: ServicesOf,
    caller: CallerOf,
    listener: Annotated[str, Query(max_length=256)] = "",
    window: Annotated[str, Query(max_length=32)] = "90d",
    by: By = "plays",
    top: Ranked = "artists",
) -> Response:
    """The page of one listener."""
    rows = visible(services, caller)
    context = shell_context(services) | {"listeners": rows, "demo": any(row.is_demo for row in rows)}
    if not rows:
        return render(request, "welcome.html", context | add_context(services, rows, None))
    try:
        shown = find(services, caller, listener) if listener else first_shown(services, rows)
        chosen = needed(services.reader, "The database").window(shown, window)
    except (Problem, UserError) as error:
        return error_page(request, getattr(error, "status", 400), error.message, error.cure)
    view = gather(services, shown, Choice(shown.listener, chosen.text, by, top), chosen)
    switch = windows(datetime.now(ZoneInfo(shown.zone)).year)
    if chosen.text not in dict(switch):
        switch.append((chosen.text, chosen.text))
    return render(request, "home.html", context | {"view": view, "windows": switch})


@router.get("/connect")
def connect(
    request: Request,
    services: ServicesOf,
    caller: CallerOf,
    listener: Annotated[str, Query(max_length=256)] = "",
    connected: bool = False,
    failed: bool = False,
) -> Response:
    """How to add your own music. The owner's page, as the guard's default has it."""
    rows, shown = chosen_of(services, caller, listener)
    context = shell_context(services) | add_context(services, rows, shown)
    return render(request, "connect.html", context | {"connected": connected, "failed": failed})


def chosen_of(services: Services, caller: CallerOf, listener: str) -> tuple[list[ListenerRow], ListenerRow | None]:
    """The real listeners, and the one who is chosen, else the first; None where there is nobody. Blocks."""
    rows = [row for row in visible(services, caller) if not row.is_demo]
    first = rows[0] if rows else None
    if not listener:
        return rows, first
    try:
        return rows, find(services, caller, listener)
    except Problem:
        return rows, first


def add_context(services: Services, rows: list[ListenerRow], shown: ListenerRow | None) -> dict[str, Any]:
    """What the sections for connecting and importing need."""
    state = None
    if shown is not None:
        try:
            state = connection_of(services, shown)
        except SpotifireError:  # the store is away: the page still explains itself
            state = None
    return {
        "real": rows,
        "shown": shown,
        "connection": state,
        "redirect_uri": services.redirect_uri,
        "max_upload": services.settings.max_upload,
    }
