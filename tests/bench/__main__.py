"""`make bench`: how soon `up` is there, what it holds, and how soon a play can be read; a table and JSON.

    python -m tests.bench [--rate 100] [--seconds 30] [--brokers embedded,apache]

What an import costs: `make bench-import`.

Every figure is of real processes: a `spotifire up` on a fresh data folder, spoken to as the command
does. Memory is the resident set of that one process (on Linux), Apache Kafka's own beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from producers.simulator.simulator import Simulator, now_ms
from streams.contracts import ids
from streams.contracts.events import PlayRecorded
from streams.contracts.topics import PLAY_RECORDED
from streams.publisher import Publisher, PublisherSettings
from tests.support.stack import READY, Up, column, running

MIB = 2**20


def main() -> None:
    """Run what was asked for."""
    asked = argparse.ArgumentParser(prog="python -m tests.bench")
    asked.add_argument("--rate", type=int, default=100, help="plays a second of the latency run")
    asked.add_argument("--seconds", type=int, default=30, help="how long the latency run lasts")
    asked.add_argument("--brokers", default="embedded,apache")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="spotifire-bench-") as place:
        results: dict[str, Any] = {"machine": f"{platform.machine()}, Python {platform.python_version()}"}
        results |= {"first play": first_play(Path(place))}
        for broker in options.brokers.split(","):
            results[broker] = one_broker(Path(place), broker, options)
    print(table(results))  # noqa: T201
    print(json.dumps(results, indent=2))  # noqa: T201


def first_play(place: Path) -> dict[str, Any]:
    """Seconds from `spotifire up` on an empty folder to the first demo play that can be read."""
    began = time.monotonic()
    with running(place / "first") as up, up.api() as api:
        page = time.monotonic() - began
        while not int(column(api, "SELECT count() FROM v_plays")[0]):
            if time.monotonic() - began > READY:
                sys.exit(up.output())
            time.sleep(0.02)
        return {"page after s": round(page, 1), "first play after s": round(time.monotonic() - began, 1)}


def one_broker(place: Path, broker: str, options: argparse.Namespace) -> dict[str, Any]:
    """Memory before anything was played, and a steady rate."""
    with running(place / broker, "--kafka", broker, "--no-demo") as up, up.api() as api:
        api.post("/listeners", {"name": "Ada", "timezone": "Europe/Lisbon"})
        time.sleep(5)
        idle = memory(up)
        steady = asyncio.run(steady_rate(bootstrap(up), api, options.rate, options.seconds))
        return {**steady, "memory idle MiB": idle, "memory afterwards MiB": memory(up)}


async def steady_rate(broker: str, api: Any, rate: int, seconds: int) -> dict[str, Any]:
    """Latency from publishing to being queryable at a steady rate, by the worker's own figures."""
    simulator = Simulator(7)
    listener = ids.from_hex(api.get("/listeners/Ada")["listener"])
    who = ids.to_hex(listener)
    plays = simulator.history(simulator.listeners[2], 60, now_ms())[: rate * seconds]
    async with Publisher(PublisherSettings(bootstrap=broker)) as publisher:
        began = time.monotonic()
        for number, play in enumerate(plays):
            due = began + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            moved = {"listener": who, "published_at": now_ms()}
            event = PlayRecorded(**{**{f: getattr(play, f) for f in play.__struct_fields__}, **moved})
            await publisher.publish(PLAY_RECORDED, event)
        await publisher.settled()
    stats = api.get("/stats")
    return {
        f"p50 ms at {rate}/s": round(stats["p50"] * 1000) if stats["p50"] is not None else None,
        f"p99 ms at {rate}/s": round(stats["p99"] * 1000) if stats["p99"] is not None else None,
    }


def bootstrap(up: Up) -> str:
    """Where the stack's broker listens."""
    found: str = json.loads((up.data / "running.json").read_text())["kafka"]
    return found


def memory(up: Up) -> int | None:
    """Resident set of the process in MiB, where /proc says it."""
    assert up.process is not None
    try:
        status = Path(f"/proc/{up.process.pid}/status").read_text()
    except OSError:
        return None
    return round(int(status.split("VmRSS:")[1].split()[0]) * 1024 / MIB)


def table(results: dict[str, Any]) -> str:
    """Markdown, for docs/benchmarks.md."""
    lines = [f"Machine: {results['machine']}.", ""]
    lines += [f"- {name}: {value}" for name, value in results["first play"].items()]
    brokers = [name for name, value in results.items() if isinstance(value, dict) and name != "first play"]
    lines += ["", f"| | {' | '.join(brokers)} |", f"|---|{'---|' * len(brokers)}"]
    lines += [f"| {key} | {' | '.join(str(results[name][key]) for name in brokers)} |" for key in results[brokers[0]]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
