"""One picture of every dashboard with simulated plays: does each panel answer its question?

    python -m tests.grafana.contact_sheet OUT.png

No Grafana is needed: each query runs on the embedded engine, and each answer is drawn roughly
where its panel stands. OUT.html writes the page itself; a picture needs chromium.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Any

from sinks.clickhouse import ClickHouse
from tests.grafana.boards import BOARDS, one
from tests.grafana.drawing import draw
from tests.grafana.pipeline_day import plant_pipeline
from tests.grafana.world import END, RICH, START, plant
from tests.support.clickhouse import fresh_database

WIDTH = 1600
ROW = 32  # pixels, about as in Grafana
STYLE = """
body { margin: 0; padding: 16px; background: #111217; color: #ccccdc; font: 13px sans-serif }
.board { display: grid; grid-template-columns: repeat(24, 1fr); gap: 6px; margin-bottom: 40px }
.panel { background: #181b1f; border: 1px solid #2c3235; padding: 8px; overflow: hidden; display: flex;
    flex-direction: column; min-height: 0 }
.panel h3 { margin: 0; font-size: 14px } .panel em { color: #8e8e99 }
.panel svg { flex: 1; min-height: 0; width: 100% } svg text { fill: #8e8e99; font-size: 16px } .grid { stroke: #2c3235 }
table { width: 100%; border-collapse: collapse } td, th { padding: 2px 6px; text-align: left; font-size: 12px }
.cover { width: 28px; height: 28px } .bar { display: flex; gap: 6px } .bar i { height: 14px; display: block }
.stat { display: flex; gap: 40px; justify-content: center; align-items: center; flex: 1 } .stat b { font-size: 34px }
.legend { display: flex; gap: 12px; flex-wrap: wrap } .legend i { width: 10px; height: 10px; display: inline-block;
    margin-right: 4px } .none { color: #8e8e99; text-align: center }
pre { white-space: pre-wrap; font: 13px sans-serif }
"""


def page(ch: ClickHouse, boards: dict[str, dict[str, Any]] = BOARDS) -> str:
    """The dashboards one under another, as HTML."""
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>" + "".join(
        f"<h1>{escape(board['title'])}</h1><p>{escape(board['description'])}</p><div class=board>"
        + "".join(_panel(ch, name, panel) for panel in board["panels"])
        + "</div>"
        for name, board in boards.items()
    )


def _panel(ch: ClickHouse, board: str, panel: dict[str, Any]) -> str:
    place = panel["gridPos"]
    area = (
        f"grid-column: {place['x'] + 1} / span {place['w']}; grid-row: {place['y'] + 1} / span {place['h']}; "
        f"height: {place['h'] * (ROW + 6) - 24}px"
    )
    if panel.get("targets"):
        inside = draw(panel, one(board, panel["title"]).answer(ch, RICH, START, END, season="2025-12-01"))
    else:
        inside = f"<pre>{escape(panel['options'].get('content', ''))}</pre>"
    return (
        f'<div class=panel style="{area}"><h3>{escape(panel["title"])}</h3>'
        f"<em>{escape(panel['description'])}</em>{inside}</div>"
    )


def picture(html: Path, out: Path) -> None:
    """Photograph the page. Raises CalledProcessError or FileNotFoundError where chromium cannot."""
    height = sum(
        max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"]) * (ROW + 6) + 160
        for board in BOARDS.values()
    )
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--user-data-dir={profile}", f"--window-size={WIDTH},{height}", f"--screenshot={out.resolve()}",
                html.resolve().as_uri(),
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


def main(out: Path) -> None:
    """Plant, ask, draw; `out` is a .png or an .html."""
    with fresh_database() as ch:
        plant(ch)
        plant_pipeline(ch)
        text = page(ch)
    html = out.with_suffix(".html")
    html.write_text(text, "utf-8")
    if out.suffix == ".png":
        picture(html, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
