"""Workers against a ClickHouse server: the memory that one takes, and how much two do more than one.

The workers are `spotifire worker`, as a household or a team runs it; the server is the embedded
engine in a process of its own behind ClickHouse's HTTP protocol (deploy/clickhouse_http.py). A worker
that comes later makes the group hand out its partitions anew, so the speed is taken from the moment
when all have joined, and the first commit is there, to the last commit.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from streams.contracts.topics import WORKER_GROUP
from tests.bench.stream.brokers import Broker
from tests.bench.stream.contest import QUIET, TELLING, Contest, Tell
from tests.bench.stream.databases import CLICKHOUSE, Databases
from tests.bench.stream.processes import Ended, Process
from tests.bench.stream.runs import LONGEST_S, LOOK_S, OURS, PACKAGE

READY_S = 30.0
IDLE_S = 5.0


def measure(broker: Broker, databases: Databases, contest: Contest, tell: Tell) -> dict[str, Any]:
    """On the live backlog, which lies on all partitions. `contest` has the peaks of embedded workers."""
    records = contest.records
    one, peak = _together(1, broker, databases, records)
    tell(f"one worker against a server: {one:,.0f} records/s, {peak:.0f} MiB at most")
    two, each = _together(2, broker, databases, records)
    tell(f"two workers against it: {two:,.0f} records/s, {each:.0f} MiB at most each")
    idle = _idle(broker, databases)
    peaks = [run.peak_mib for _, run in contest.runs if run.contestant in (QUIET.name, TELLING.name) and not run.wrong]
    embedded = max(peaks, default=None)
    return {
        "records": records,
        "one worker, records/s": round(one),
        "two workers, records/s": round(two),
        "two against one": round(two / one, 2),
        "worker against a server, most MiB": round(peak),
        "embedded worker, idle MiB": round(idle),
        "embedded worker, most MiB": round(embedded) if embedded else None,
        "embedded worker, MiB above idle": round(embedded - idle) if embedded else None,
    }


def _together(count: int, broker: Broker, databases: Databases, records: int) -> tuple[float, float]:
    """Records a second once all have joined, and the most MiB of one of them."""
    broker.forget(WORKER_GROUP)
    data = databases.fresh()
    with ExitStack() as opened:
        url = opened.enter_context(server(data))
        workers = []
        for number in range(count):
            own = data / f"worker-{number}"
            own.mkdir()
            arguments = ["worker", "--kafka", broker.bootstrap, "--clickhouse", url, "--data", str(own)]
            worker = Process(OURS, "deploy", arguments, own / "output.log")
            workers.append(opened.enter_context(worker))
        began, before, until = 0.0, 0, time.monotonic() + LONGEST_S
        while (done := broker.committed(WORKER_GROUP)) < records:
            if not began and done and broker.joined(WORKER_GROUP) == count:
                began, before = time.monotonic(), done
            for worker in workers:
                if not worker.alive():
                    raise Ended(worker.last_lines())
            if time.monotonic() > until:
                raise TimeoutError(f"{done} of {records} records after {LONGEST_S:.0f} s")
            time.sleep(LOOK_S)
        if not began:
            raise Ended(f"all was stored before {count} workers had joined: it needs more records")
        seconds = time.monotonic() - began
        peak = max(worker.peak() for worker in workers)
    stored = databases.count(data)
    if stored["sightings"] != records or stored["plays"] != records:
        raise Ended(f"{count} workers stored {stored}, and not {records}")
    databases.drop(data)
    return (records - before) / seconds, peak


def _idle(broker: Broker, databases: Databases) -> float:
    """MiB of an embedded worker that has joined and has nothing to read."""
    data = databases.fresh()
    arguments = ["--bootstrap", broker.bootstrap, "--data", str(data), "--enriched"]
    with Process(OURS, f"{PACKAGE}.ours", arguments, data / "output.log") as worker:
        worker.hear("ready")
        time.sleep(IDLE_S)
        idle = worker.resident()
    databases.drop(data)
    return idle


@contextmanager
def server(data: Path) -> Iterator[str]:
    """ClickHouse's engine in a process of its own, on a folder of Databases; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--path", str(data / CLICKHOUSE), "--port", str(port)]
    with Process(OURS, "deploy.clickhouse_http", arguments, data / "server.log") as process:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + READY_S
        while True:
            if not process.alive() or time.monotonic() > until:
                raise Ended(process.last_lines())
            try:
                httpx.get(f"{url}/ping")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
