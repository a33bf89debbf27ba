"""The live line of `up`: what arrives, what is stored, how far behind, how fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from streams.metrics import Snapshot

EVERY = 0.5  # seconds, on a terminal
EVERY_PLAIN = 10.0  # seconds, where lines stay


def line(figures: Snapshot) -> Text:
    """One line of figures: what was read is stored, known or refused, and the rest waits. A dash is not known yet."""
    parts = [
        ("read", f"{figures.plays_in:,}", ""),
        ("stored", f"{figures.stored:,}", ""),
        ("known", f"{figures.known:,}", ""),
        ("refused", f"{figures.refused:,}", "yellow" if figures.refused else ""),
        ("waiting", f"{figures.lag:,}" if figures.lag is not None else "–", ""),
        ("queryable p99", f"{figures.p99:,.2f} s" if figures.p99 is not None else "–", ""),
    ]
    drawn = Text(no_wrap=True, overflow="ellipsis")
    for number, (name, value, style) in enumerate(parts):
        drawn.append("  " if number else "")
        drawn.append(f"{name} ", style="dim")
        drawn.append(value, style=style or "bold")
    return drawn


async def watch(console: Console, snapshot: Callable[[], Snapshot], stop: asyncio.Event) -> None:
    """Show the figures until `stop`: one line that changes on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        while not await _stopped(stop, EVERY_PLAIN):
            console.print(line(snapshot()), soft_wrap=True)
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
