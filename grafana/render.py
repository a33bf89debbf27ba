"""Writes the dashboards as the JSON files that Grafana's provisioning reads; they are committed.

`python -m grafana.render` writes them in place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import now

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {"now.json": now.dashboard}


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
