"""Every query of every dashboard, as Grafana would send it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from grafana.render import rendered
from sinks.clickhouse import ClickHouse
from streams.contracts.ids import to_hex
from tests.grafana.macros import expand
from tests.grafana.pipeline_day import PIPELINE_END, PIPELINE_START

BOARDS: dict[str, dict[str, Any]] = {
    name.removesuffix(".json"): json.loads(text) for name, text in rendered().items()
}  # fmt: skip

Table = tuple[tuple[str, ...], tuple[str, ...], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Asked:
    """One query: of a panel (with its definition), a variable or an annotation."""

    board: str
    kind: str  # panel, variable or annotation
    title: str
    sql: str
    shape: int  # the number of the format, as in grafana.query.Format
    panel: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.board}: {self.title}"

    def answer(
        self, ch: ClickHouse, listener: int | None, start: datetime, end: datetime, **variables: str
    ) -> Table:  # fmt: skip
        """Run it for a listener, None where there is nobody to choose.

        The dashboard Pipeline always looks at its own day; a panel may have a range of its own.
        """
        if self.board == "pipeline":
            start, end = PIPELINE_START, PIPELINE_END
        if self.panel.get("timeFrom") == "24h":
            start = end - timedelta(hours=24)
        chosen = {
            "listener": "" if listener is None else to_hex(listener),
            "window": "range",
            "profile": "90d",
            "season": "",
            **variables,
        }
        return ch.query_table(expand(self.sql, variables=chosen, start=start, end=end))


def asked() -> Iterator[Asked]:
    """All of them."""
    for board, definition in BOARDS.items():
        for panel in definition["panels"]:
            for target in panel.get("targets", ()):
                yield Asked(board, "panel", panel["title"], target["rawSql"], target["format"], panel)
        for variable in definition["templating"]["list"]:
            if variable["type"] == "query":
                yield Asked(board, "variable", f"${variable['name']}", variable["query"], 1, {})
        for mark in definition["annotations"].get("list", ()):
            yield Asked(board, "annotation", mark["name"], mark["target"]["rawSql"], mark["target"]["format"], {})


def one(board: str, title: str) -> Asked:
    """That query."""
    (found,) = (query for query in asked() if (query.board, query.title) == (board, title))
    return found
