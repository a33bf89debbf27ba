"""What a rolling restart of three workers costs whoever listens meanwhile, with names in the group and without.

Each worker in turn is asked to end, started again, and given time to work before the next one's turn.
Plays are published all the while; what counts is how long each takes until it can be queried. A worker with
SPOTIFIRE_WORKER_ID is a static member: its partitions wait for it, and the others go on. Without one
the others take them over and give them back, which stops everybody for a moment, twice.

Rows are counted partition by partition: within one they come in order, but a partition that waits for its
worker must not make the others' plays look late.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from streams.batches import partition_of
from streams.contracts.ids import to_hex
from streams.contracts.topics import PLAY_RECORDED, WORKER_GROUP
from tests.bench.stream.backlogs import play_now
from tests.bench.stream.brokers import Broker, running
from tests.bench.stream.contest import Tell
from tests.bench.stream.databases import Databases
from tests.bench.stream.latency import LEFT_S, Counting, Seconds, percentiles, publish
from tests.bench.stream.processes import Ended, Process
from tests.bench.stream.runs import OURS
from tests.bench.stream.workers import server
from tests.bench.stream.world import listeners

WORKERS = 3
RATE = 200
CALM_S = 10.0  # before the first is restarted
PAUSE_S = 8.0  # from the start of one to the end of the next
JOIN_S = 60.0
ASK_S = 0.1  # between two questions about a partition
STATIC, PLAIN = "with SPOTIFIRE_WORKER_ID", "without"


def measure(place: Path, databases: Databases, libs: Path, tell: Tell) -> dict[str, Any]:
    """Both kinds, each on a broker and a database of its own."""
    found: dict[str, Any] = {"plays/s": RATE, "workers": WORKERS}
    for kind in (STATIC, PLAIN):
        with running(place / f"kafka-restart-{kind[:7]}", libs) as broker:
            found[kind] = _rolled(broker, databases, named=kind == STATIC)
        tell(f"a rolling restart {kind}: {found[kind]}")
    return found


def _rolled(broker: Broker, databases: Databases, *, named: bool) -> dict[str, Any]:
    data = databases.fresh()
    with ExitStack() as opened:
        url = opened.enter_context(server(data))

        def start(number: int) -> Process:
            own = data / f"worker-{number}"
            own.mkdir(exist_ok=True)
            arguments = ["worker", "--kafka", broker.bootstrap, "--clickhouse", url, "--data", str(own)]
            name = {"SPOTIFIRE_WORKER_ID": f"worker-{number}" if named else ""}
            return opened.enter_context(Process(OURS, "deploy", arguments, own / "output.log", name))

        workers = [start(number) for number in range(WORKERS)]
        _wait_for(broker, workers)
        who = listeners()
        names = [to_hex(listener) for listener in who]
        where = np.array([partition_of(name.encode(), PLAY_RECORDED.partitions) for name in names])
        seconds = CALM_S + WORKERS * (PAUSE_S + 4.0)
        sent: list[Seconds] = []
        publishing = threading.Thread(
            target=lambda: sent.append(
                asyncio.run(publish(broker.bootstrap, RATE, seconds, lambda n: play_now(names[n % len(names)], n)))
            )
        )
        rows = [
            opened.enter_context(Counting(url, _count([who[at] for at in np.flatnonzero(where == number)]), ASK_S))
            for number in range(PLAY_RECORDED.partitions)
        ]
        publishing.start()
        time.sleep(CALM_S)
        began, exits = time.monotonic(), []
        for number, worker in enumerate(workers):
            asked = time.monotonic()
            worker.stop()
            exits.append(time.monotonic() - asked)
            workers[number] = start(number)
            time.sleep(PAUSE_S)
        ended = time.monotonic()
        publishing.join()
        waited = np.zeros(len(sent[0]))
        for number, counted in enumerate(rows):
            theirs = np.flatnonzero(np.resize(where, len(waited)) == number)
            counted.reaches(len(theirs), LEFT_S)
            waited[theirs] = counted.seen(0, len(theirs)) - sent[0][theirs]
    databases.drop(data)
    calm, during = sent[0] < began - 1.0, (sent[0] >= began) & (sent[0] < ended)
    return {
        "before": percentiles(waited[calm]),
        "during": percentiles(waited[during]),
        "plays that waited over 1 s, per cent": round(100 * float(np.mean(waited[during] > 1.0)), 1),
        "slowest exit s": round(max(exits), 1),
    }


def _count(of: list[int]) -> str:
    return f"SELECT count() FROM sightings WHERE listener IN ({', '.join(map(str, of))})"


def _wait_for(broker: Broker, workers: list[Process]) -> None:
    until = time.monotonic() + JOIN_S
    while broker.joined(WORKER_GROUP) < len(workers):
        for worker in workers:
            if not worker.alive():
                raise Ended(worker.last_lines())
        if time.monotonic() > until:
            raise TimeoutError(f"{len(workers)} workers did not join within {JOIN_S:.0f} s")
        time.sleep(0.2)
