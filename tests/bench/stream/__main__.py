"""`make bench-stream`: everything in one run on one machine; a table, and JSON.

    python -m tests.bench.stream [--records 1000000] [--rounds 2] [--only contest,latency,...] [--write]

A full run writes docs/benchmarks-stream.json and the tables between the markers of docs/benchmarks.md;
any other only with `--write`, and then only the parts that it measured.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from deploy.kafka.jars import VERSION
from deploy.logs import configure
from streams.contracts.errors import SpotifireError
from tests.bench.stream import hotspots, latency, neighbour, report, restart, rivals, workers
from tests.bench.stream.backlogs import BACKLOGS, now_ms
from tests.bench.stream.brokers import running
from tests.bench.stream.contest import OTHERS, PACKAGES, Contest, Tell, hold
from tests.bench.stream.databases import Databases
from tests.bench.stream.processes import Ended

FULL = 1_000_000
PARTS = ("contest", "hotspots", "workers", "latency", "neighbour", "restart")
LIBS = rivals.VENV / f"libs-{VERSION}"


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stream")
    parser.add_argument("--records", type=int, default=FULL, help="of each backlog")
    parser.add_argument("--rounds", type=int, default=2, help="of ours and the bare loop")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--backlogs", default=",".join(BACKLOGS), help=f"some of {','.join(BACKLOGS)}")
    parser.add_argument("--without-rivals", action="store_true", help="compare with the bare loop alone")
    parser.add_argument("--seconds", type=int, default=60, help="of the latency run and of the neighbour's")
    parser.add_argument("--place", type=Path, help="where the folders of brokers and databases are made")
    parser.add_argument("--write", action="store_true", help="into the docs, although it is not a full run")
    options = parser.parse_args()
    everything = ",".join(PARTS), ",".join(BACKLOGS)
    full = options.records == FULL and (options.only, options.backlogs) == everything and not options.without_rivals
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)  # noqa: T201

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that brokers and folders go too
    with tempfile.TemporaryDirectory(prefix="spotifire-bench-", dir=options.place) as place:
        configure("warning", "console")
        for part, found in measured(Path(place), options, tell):
            print(f"\n{report.tables(part, found)}\n", flush=True)  # noqa: T201
            if full or options.write:
                report.write(part, found)
    tell("done" if full or options.write else "done; the docs were not written, for this was no full run")


def measured(place: Path, options: argparse.Namespace, tell: Tell) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each part's results, as they come."""
    only, records, now = set(options.only.split(",")), options.records, now_ms()
    databases = Databases(place)
    databases.make()
    tell("made the database that all begin with")
    contest = Contest(records, absent=_absent() if only & {"contest", "hotspots"} else {})
    for name, why in contest.absent.items():
        tell(f"{name} does not take part: {why}")
    others = [] if options.without_rivals else [each for each in OTHERS if each.name not in contest.absent]
    filled: dict[str, Path] = {}
    for name in options.backlogs.split(",") if only & {"contest", "hotspots", "workers"} else []:
        backlog = BACKLOGS[name]
        if backlog.after and backlog.after not in filled:
            tell(f"{name} is left out: ours did not store {backlog.after} before")
            continue
        with running(place / f"kafka-{name}", LIBS) as broker:
            filling = broker.fill(backlog, records, now)
            tell(f"{name}: {records:,} records ({backlog.meaning}) published in {filling:.0f} s")
            if "contest" in only:
                base, line = filled.get(backlog.after), others if name == "import" else []
                after = hold(contest, name, broker, databases, tell, rounds=options.rounds, others=line, base=base)
                filled |= {name: after} if after else {}
            if name == "import" and "hotspots" in only:
                yield "hotspots", tried(partial(hotspots.measure, broker, databases, tell), tell)
            if name == "live" and "workers" in only:
                yield "workers", tried(partial(workers.measure, broker, databases, contest, tell), tell)
        shutil.rmtree(place / f"kafka-{name}", ignore_errors=True)
    if contest.runs:
        yield "contest", contest.as_json()
    if "latency" in only:
        yield "latency", tried(partial(latency.measure, place, databases, LIBS, options.seconds, tell), tell)
    if "neighbour" in only:
        yield "neighbour", tried(partial(neighbour.measure, place, LIBS, records, options.seconds, tell), tell)
    if "restart" in only:
        yield "restart", tried(partial(restart.measure, place, databases, LIBS, tell), tell)


def tried(measure: Callable[[], dict[str, Any]], tell: Tell) -> dict[str, Any]:
    """What it found, or why it found nothing: the other parts go on."""
    try:
        return measure()
    except (Ended, TimeoutError, SpotifireError, AssertionError) as error:
        why = " ".join(str(error).split())[-300:]
        tell(f"failed: {why}")
        return {"failed": why}


def _absent() -> dict[str, str]:
    """Contestants that cannot take part, and why."""
    if why := rivals.install():
        return {each.name: why for each in OTHERS if each.module in PACKAGES}
    reasons = {module: rivals.missing(package) for module, package in PACKAGES.items()}
    return {each.name: reasons[each.module] for each in OTHERS if reasons.get(each.module)}


if __name__ == "__main__":
    main()
