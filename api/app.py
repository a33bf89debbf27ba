"""create_app: the API and the page as one ASGI app over the services that it is given.

    Measured -> Guard (host, foreign pages, caller, size, headers) -> authorize -> scope -> route

No CORS: nobody else's page has business here. No interactive docs: they load scripts from
elsewhere; the document itself is at /api/v1/openapi.json.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.staticfiles import StaticFiles

from api import problems
from api.auth import Authenticator
from api.guard import Guard
from api.jobs import ImportJobs
from api.metrics import ApiMetrics, Measured
from api.passwords import Brake
from api.routes import (
    admin,
    catalogue,
    corrections,
    dead_letters,
    exports,
    health,
    imports,
    listeners,
    live,
    reads,
    tokens,
    travel,
)
from api.scope import authorize
from api.services import Services
from api.sessions import Sessions
from api.web import history, pages, sign_in

STATIC = Path(__file__).parent / "web" / "static"

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    listeners.router,
    reads.router,
    catalogue.router,
    live.router,
    imports.router,
    corrections.router,
    travel.router,
    dead_letters.router,
    exports.router,
    tokens.router,
    admin.router,
    sign_in.router,
    pages.router,
    history.router,
)

PROBLEM: dict[str, Any] = {
    "description": "Problem details (RFC 9457)",
    "content": {
        problems.MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "cure": {"type": "string", "description": "the next step"},
                    "exit_code": {"type": "integer", "description": "what the command ends with"},
                    "retriable": {"type": "boolean", "description": "whether time can mend it"},
                },
            },
            "example": problems.EXAMPLE,
        }
    },
}


def create_app(services: Services) -> FastAPI:
    """The app. What `services` holds is started and stopped by whoever made it."""
    settings = services.settings
    sessions = Sessions(settings.session_key, settings.password_hash, settings.session_seconds)
    authenticator = Authenticator(settings, sessions, services.tokens)
    metrics = ApiMetrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.jobs.stop()

    app = FastAPI(
        title="Spotifire",
        version=settings.version or "0",
        summary="What you play on Spotify, and who you are as a listener.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(authorize)],
        responses={"default": PROBLEM},
    )
    app.state.services = services
    app.state.sessions = sessions
    app.state.authenticator = authenticator
    app.state.metrics = metrics
    app.state.jobs = ImportJobs()
    app.state.brake = Brake()
    problems.install(app, pages.error_page)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    # the last one added is the outermost
    app.add_middleware(Guard, settings=settings, authenticator=authenticator)
    app.add_middleware(Measured, metrics=metrics)
    return app
