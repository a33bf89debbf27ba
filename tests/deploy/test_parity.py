"""What the command does, the API does, and docs/commands.md says so: nothing stands alone without a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi.routing import APIRoute

from api.app import ROUTERS
from deploy.cli import app

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (?P<command>.+?) \| (?P<route>.+?) \| (?P<why>.*?) ?\|$")

pytestmark = pytest.mark.drift


def commands(group: Any, path: str = "spotifire") -> Iterator[str]:
    """Every command below, spelled out."""
    below = getattr(group, "commands", None)
    if below is None:
        yield path
        return
    for name, command in below.items():
        yield from commands(command, f"{path} {name}")


def routes() -> set[str]:
    """Every route of the API, as METHOD /path below /api/v1."""
    found = set()
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.path.startswith("/api/v1"):
                found |= {
                    f"{method} {route.path.removeprefix('/api/v1')}" for method in (route.methods or set()) - {"HEAD"}
                }
    return found


def documented() -> tuple[set[str], set[str]]:
    """Commands and routes of docs/commands.md; a row with one of the two must say why."""
    said_commands, said_routes = set(), set()
    for line in (ROOT / "docs" / "commands.md").read_text("utf-8").splitlines():
        row = ROW.match(line)
        if row is None or line.startswith(("| command", "|---")):
            continue
        command, route = row["command"].strip("`"), row["route"].strip("`")
        if command == "–" or route == "–":
            assert row["why"], line
        said_commands |= {command} - {"–"}
        said_routes |= {route} - {"–"}
    return said_commands, said_routes


def test_every_command_is_documented() -> None:
    assert documented()[0] == set(commands(typer.main.get_command(app)))


def test_every_route_is_documented() -> None:
    assert documented()[1] == routes()
