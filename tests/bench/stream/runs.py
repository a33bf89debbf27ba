"""One run of one contestant: a process of its own on a fresh folder, watched from outside until all is committed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.stream.brokers import Broker
from tests.bench.stream.databases import Databases
from tests.bench.stream.processes import Ended, Process

LOOK_S = 0.05  # between two questions to the broker
LONGEST_S = 600.0
OURS = Path(sys.executable)
PACKAGE = "tests.bench.stream.contestants"


@dataclass(frozen=True)
class Contestant:
    """A module of `contestants`, the Python that runs it, and what it says of itself."""

    name: str
    module: str
    meaning: str
    python: Path = OURS
    arguments: tuple[str, ...] = ()
    group: str = "bench"
    commits: bool = True  # else it says "done"


@dataclass
class Run:
    """What came of it. Seconds are from the first record in hand, and from the start of the process."""

    contestant: str
    backlog: str
    records: int
    seconds: float = 0.0
    from_start: float = 0.0
    cpu: float = 0.0  # seconds of processor time, from the first record on
    peak_mib: float = 0.0
    stored: dict[str, int] = field(default_factory=dict)
    wrong: str = ""  # why it does not count

    @property
    def rate(self) -> float:
        """Records a second, from the first record in hand to the last one committed."""
        return self.records / self.seconds if self.seconds else 0.0


def run(
    contestant: Contestant,
    broker: Broker,
    databases: Databases,
    backlog: str,
    records: int,
    *,
    base: Path | None = None,
    expected: dict[str, int],
    keep: list[Path] | None = None,
) -> Run:
    """Run it to the end and check what it stored; the folder is dropped, or put into `keep`.

    `base` is the folder to begin with. What is wrong is in the result, and is not raised.
    """
    broker.forget(contestant.group)
    data = databases.fresh(base)
    found = Run(contestant.name, backlog, records)
    process = Process(
        contestant.python,
        f"{PACKAGE}.{contestant.module}",
        [
            *("--bootstrap", broker.bootstrap, "--data", str(data), "--group", contestant.group),
            *("--records", str(records), *contestant.arguments),
        ],
        data / "output.log",
    )
    try:
        with process:
            _watch(contestant, process, broker, found)
        if not found.wrong:
            found.stored = databases.count(data)
            found.wrong = _differences(found.stored, expected)
    except (Ended, TimeoutError) as error:
        found.wrong = str(error)
    if keep is None or found.wrong:
        databases.drop(data)
    else:
        keep.append(data)
    return found


def _watch(contestant: Contestant, process: Process, broker: Broker, found: Run) -> None:
    until = time.monotonic() + LONGEST_S
    done, before = 0, None  # processor time that went into starting
    while True:
        if contestant.commits:
            done = broker.committed(contestant.group)
            ended = time.monotonic() if done >= found.records else None
        else:
            said = process.poll("done")
            ended = said["at"] if said else None
        if process.alive():
            spent, found.peak_mib = process.cpu(), max(found.peak_mib, process.peak())
            if before is None and process.poll("first"):
                before = spent
            found.cpu = spent - (before or 0.0)
        if ended is not None:
            break
        if not process.alive() and not process.poll("done"):
            raise Ended(process.last_lines())
        if time.monotonic() > until:
            raise TimeoutError(f"{done} of {found.records} records after {LONGEST_S:.0f} s")
        time.sleep(LOOK_S)
    found.seconds = ended - process.hear("first", seconds=1)["at"]
    found.from_start = ended - process.started


def _differences(stored: dict[str, int], expected: dict[str, int]) -> str:
    wrong: Sequence[str] = [
        f"{stored[name]} {name}, not {rows}" for name, rows in expected.items() if stored[name] != rows
    ]
    return "; ".join(wrong)
