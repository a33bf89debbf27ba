"""The page of what lies behind the pictures: a listener's imports with their reports, and their travel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.routes.travel import travel
from api.scope import CallerOf, ServicesOf
from api.services import needed
from api.web.pages import chosen_of, shell_context
from api.web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/history")
def history(
    request: Request, services: ServicesOf, caller: CallerOf, listener: Annotated[str, Query(max_length=256)] = ""
) -> Response:
    """The owner's page, as the guard's default has it: what it shows can be undone here."""
    rows, shown = chosen_of(services, caller, listener)
    context = shell_context(services) | {"real": rows, "shown": shown, "imports": [], "trips": [], "kept": True}
    if shown is not None:
        found = travel(shown, services)
        context |= {
            "imports": needed(services.reader, "The database").imports(shown.id),
            "trips": found.travel,
            "kept": found.countries_kept,
        }
    return render(request, "history.html", context)
