"""Where the time of our worker goes: py-spy looks at it from outside while it works off the import backlog."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from streams.contracts.topics import WORKER_GROUP
from tests.bench.stream.brokers import Broker
from tests.bench.stream.contest import TELLING, Tell
from tests.bench.stream.databases import Databases
from tests.bench.stream.processes import Process
from tests.bench.stream.rivals import VENV
from tests.bench.stream.runs import OURS, PACKAGE

PY_SPY = VENV / "bin" / "py-spy"
RATE = 100  # looks a second
LONGEST_S = 10

# what a frame belongs to, the first that fits: (part of the file's path, part of the function's name, what)
PLACES = (
    ("sinks/clickhouse.py", "insert", "inserts into ClickHouse"),
    ("sinks/clickhouse.py", "", "look-ups in ClickHouse"),
    ("streams/decoding.py", "", "decoding"),
    ("streams/columns.py", "sighting", "decoding"),
    ("contracts/codec.py", "decode", "decoding"),
    ("streams/telling.py", "", "the enriched topic"),
    ("streams/publisher.py", "", "the enriched topic"),
    ("contracts/codec.py", "encode", "the enriched topic"),
    ("streams/enrich", "", "enrichment"),
    ("sinks/reference.py", "", "enrichment"),
    ("sinks/", "", "look-ups in ClickHouse"),
    ("streams/identity.py", "", "identity"),
    ("streams/matching.py", "", "identity"),
    ("streams/neighbours.py", "", "identity"),
    ("streams/plays.py", "", "identity"),
    ("streams/seen.py", "", "identity"),
    ("streams/pipeline.py", "", "identity"),
    ("aiokafka/", "", "reading from Kafka"),
    ("faust/", "", "Faust"),
    ("mode/", "", "Faust"),
    ("streams/", "", "slices, offsets, figures"),
)

# a thread that waits here does nothing, although py-spy takes it for one at work
WAITING = (("selectors.py", "select"), ("streams/threads.py", "_work"), ("threading.py", "wait"))


def measure(broker: Broker, databases: Databases, tell: Tell) -> dict[str, Any]:
    """Shares of what its threads did, of ten seconds at most; or why it could not be seen."""
    if not PY_SPY.exists():
        return {"failed": "py-spy is not installed"}
    broker.forget(WORKER_GROUP)
    data = databases.fresh()
    stacks = data / "stacks.txt"
    arguments = ["--bootstrap", broker.bootstrap, "--data", str(data), *TELLING.arguments]
    try:
        with Process(OURS, f"{PACKAGE}.ours", arguments, data / "output.log") as worker:
            worker.hear("first")
            time.sleep(1.0)  # the first slice, and what is imported for it
            command = [str(PY_SPY), "record", "--pid", str(worker.pid), "--duration", str(LONGEST_S)]
            command += ["--rate", str(RATE), "--format", "raw", "--output", str(stacks)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S + 60, check=False)
        if done.returncode or not stacks.exists():
            return {"failed": (done.stderr.strip().splitlines() or ["py-spy said nothing"])[-1][:300]}
        shares = shares_of(stacks)
    finally:
        databases.drop(data)
    tell("looked where the time goes")
    return shares


def shares_of(stacks: Path) -> dict[str, Any]:
    """py-spy's raw lines ("frame;frame;frame COUNT", outermost first) -> per cent by what it was about."""
    found: Counter[str] = Counter()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        name, _, where = frames[-1].partition(" (")
        if not any(path in where and function in name for path, function in WAITING):
            found[_about(frames)] += int(count)
    every = sum(found.values())
    return {
        "threads at work": round(every / (RATE * LONGEST_S), 2),
        "per cent": {what: round(100 * count / every, 1) for what, count in found.most_common()},
    }


def _about(frames: list[str]) -> str:
    if any("aiokafka/producer" in frame for frame in frames):  # packing and sending lie in files that reading uses too
        return "the enriched topic"
    for frame in reversed(frames):
        name, _, where = frame.partition(" (")
        for path, function, what in PLACES:
            if path in where and function in name:
                return what
    return "the rest"
