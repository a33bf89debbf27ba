"""Writes the dashboards as the JSON files that Grafana's provisioning reads; they are committed.

`python -m grafana.render` writes them in place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import alerts, evolution, home, now, pipeline, rhythm, taste, you

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "home.json": home.dashboard,
    "now.json": now.dashboard,
    "taste.json": taste.dashboard,
    "rhythm.json": rhythm.dashboard,
    "evolution.json": evolution.dashboard,
    "you.json": you.dashboard,
    "pipeline.json": pipeline.dashboard,
}


def rendered() -> dict[str, str]:
    """Every dashboard's JSON text by file name."""
    return {
        name: json.dumps(make().build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
        for name, make in DASHBOARDS.items()
    }


def render(folder: Path = FOLDER) -> list[Path]:
    """Write them; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in rendered().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    render()
    alerts.render()
