"""The live line of `up`: what arrives, what is stored, how far behind, how fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

Snapshot = Callable[[], Mapping[str, Any]]

EVERY = 0.5  # seconds, on a terminal
EVERY_PLAIN = 10.0  # seconds, where lines stay


def line(figures: Mapping[str, Any]) -> Text:
    """One line of figures; what is not known yet is a dash."""
    p99 = figures.get("p99_ms")
    parts = [
        ("plays in", f"{figures.get('records_in', 0):,}", ""),
        ("enriched", f"{figures.get('enriched', 0):,}", ""),
        ("stored", f"{figures.get('stored', 0):,}", ""),
        ("refused", f"{figures.get('refused', 0):,}", "yellow" if figures.get("refused") else ""),
        ("lag", f"{figures['lag']:,}" if figures.get("lag") is not None else "–", ""),
        ("p99 to queryable", f"{p99:,.0f} ms" if p99 is not None else "–", ""),
    ]
    drawn = Text()
    for number, (name, value, style) in enumerate(parts):
        drawn.append("   " if number else "")
        drawn.append(f"{name} ", style="dim")
        drawn.append(value, style=style or "bold")
    return drawn


async def watch(console: Console, snapshot: Snapshot, stop: asyncio.Event) -> None:
    """Show the figures until `stop`: one line that changes on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        while not await _stopped(stop, EVERY_PLAIN):
            console.print(line(snapshot()))
        return
    with Live(line(snapshot()), console=console, auto_refresh=False) as live:
        while not await _stopped(stop, EVERY):
            live.update(line(snapshot()), refresh=True)
        live.update(line(snapshot()), refresh=True)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
