"""The page's templates: HTML escaped always, figures and times written by words.py."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.guard import COVERS
from api.web import words

HERE = Path(__file__).parent


@lru_cache(maxsize=64)
def static(name: str) -> str:
    """The address of a file of ours, with a mark of its content, so that no browser keeps an old one."""
    mark = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:8]
    return f"/static/{quote(name)}?v={mark}"


def cover(url: str) -> str:
    """A cover's address where it is Spotify's own, else "": the page's policy loads no others."""
    return url if url.startswith(f"{COVERS}/") else ""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Jinja's environment: escapes everything, and a name that is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=words.number,
        percent=words.percent,
        fit=words.fit,
        minutes=words.minutes,
        clock=words.clock,
        day=words.day,
        milliseconds=words.milliseconds,
        initial=words.initial,
        cover=cover,
    )
    made.globals.update(static=static)
    return made


def render(request: Request, template: str, context: dict[str, Any], status: int = 200) -> HTMLResponse:
    """A template as a response. `caller` is who asks, or None."""
    text = environment().get_template(template).render(caller=request.state.caller, **context)
    return HTMLResponse(text, status)
