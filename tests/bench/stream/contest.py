"""The contest: ours and the bare loop on three backlogs, the other frameworks on the first, in rounds.

In each round every contestant runs once, in another order, and a ratio is taken within a round: so
what the machine does meanwhile happens to both. The result is the median of the rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.contracts.topics import WORKER_GROUP
from tests.bench.stream import rivals
from tests.bench.stream.backlogs import BACKLOGS
from tests.bench.stream.brokers import Broker
from tests.bench.stream.databases import Databases
from tests.bench.stream.runs import Contestant, Run, run

Tell = Callable[[str], None]

QUIET = Contestant("ours, enriched topic off", "ours", "our worker, publishing nothing", group=WORKER_GROUP)
TELLING = Contestant("ours", "ours", "our worker as it is by default", group=WORKER_GROUP, arguments=("--enriched",))
BARE = Contestant("bare aiokafka loop", "bare", "getmany, the same decode, one insert")
FAUST = Contestant("stock Faust", "faust_stock", "events one by one, `take`, one insert a batch")
OTHERS = (
    FAUST,
    Contestant("quix-streams", "quix", "data frame, BatchingSink", rivals.PYTHON),
    Contestant("bytewax", "bytewax_flow", "map, collect, sink; recovery on", rivals.PYTHON, commits=False),
    Contestant("FastStream", "faststream_batch", "batch subscriber, typed events", rivals.PYTHON),
    Contestant(
        "FastStream, raw", "faststream_batch", "batch of bytes, our decode", rivals.PYTHON, arguments=("--raw",)
    ),
)
PACKAGES = {"quix": "quixstreams", "bytewax_flow": "bytewax", "faststream_batch": "faststream.kafka"}

# (backlog, contestant that ours is compared with) -> goal, floor; from docs/benchmarks.md
GOALS: dict[tuple[str, str], tuple[float, float]] = {
    ("import", BARE.name): (0.8, 0.45),
    ("live", BARE.name): (0.6, 0.35),
    ("worst", BARE.name): (0.3, 0.2),
    ("import", FAUST.name): (10.0, 5.0),
    **{("import", each.name): (3.0, 1.0) for each in OTHERS if each is not FAUST},
}


@dataclass
class Contest:
    """All runs, in the order in which they ran, and who could not take part."""

    records: int
    runs: list[tuple[int, Run]] = field(default_factory=list)  # (round, run)
    absent: dict[str, str] = field(default_factory=dict)  # contestant -> why

    def ratios(self, ours: str, other: str, backlog: str) -> list[float]:
        """Ours against the other, of every round in which both counted."""
        rates = {
            (number, each.contestant): each.rate
            for number, each in self.runs
            if each.backlog == backlog and not each.wrong
        }
        rounds = sorted({number for number, _ in rates})
        return [
            rates[number, ours] / rates[number, other]
            for number in rounds
            if (number, ours) in rates and (number, other) in rates
        ]

    def as_json(self) -> dict[str, Any]:
        """Every run, and every ratio with its goal and floor."""
        return {
            "records": self.records,
            "ratios": [
                {
                    "backlog": backlog,
                    "against": other,
                    "goal": goal,
                    "floor": floor,
                    **{each.name: _median(self.ratios(each.name, other, backlog)) for each in (QUIET, TELLING)},
                    "rounds": [round(ratio, 3) for ratio in self.ratios(TELLING.name, other, backlog)],
                }
                for (backlog, other), (goal, floor) in GOALS.items()
            ],
            "runs": [
                {
                    "round": number,
                    "backlog": each.backlog,
                    "contestant": each.contestant,
                    "records/s": round(each.rate),
                    "s": round(each.seconds, 2),
                    "s from start": round(each.from_start, 2),
                    "cpu s": round(each.cpu, 1),
                    "peak MiB": round(each.peak_mib),
                    "stored": each.stored,
                    "wrong": each.wrong,
                }
                for number, each in self.runs
            ],
            "absent": self.absent,
        }


def hold(
    contest: Contest,
    backlog: str,
    broker: Broker,
    databases: Databases,
    tell: Tell,
    *,
    rounds: int,
    others: Sequence[Contestant] = (),
    base: Path | None = None,
) -> Path | None:
    """All rounds on one filled broker; others run in the first round only. A folder that ours filled, to go on from."""
    kept: list[Path] = []
    for number in range(1, rounds + 1):
        line = [BARE, QUIET, TELLING]
        line = line[number - 1 :] + line[: number - 1] + (list(others) if number == 1 else [])
        for contestant in line:
            found = run(
                contestant,
                broker,
                databases,
                backlog,
                contest.records,
                base=base,
                expected=expected(backlog, contest.records, ours=contestant in (QUIET, TELLING)),
                keep=kept if contestant is QUIET and not kept else None,
            )
            contest.runs.append((number, found))
            tell(f"{backlog}, round {number}: {one_line(found)}")
    return kept[0] if kept else None


def expected(backlog: str, records: int, *, ours: bool) -> dict[str, int]:
    """What must be stored: the records, those that were there before, and for ours a play of each."""
    before = records if BACKLOGS[backlog].after else 0
    counted = {"sightings": before + records, "refused": 0}
    return {**counted, "plays": records} if ours else counted


def one_line(found: Run) -> str:
    """A run as its progress is told."""
    if found.wrong:
        return f"{found.contestant} does not count: {' '.join(found.wrong.split())[-300:]}"
    return (
        f"{found.contestant} {found.rate:,.0f} records/s ({found.seconds:.1f} s, {found.from_start:.1f} s from its"
        f" start, {found.cpu:.0f} s of processor, {found.peak_mib:.0f} MiB at most)"
    )


def _median(ratios: Sequence[float]) -> float | None:
    return round(statistics.median(ratios), 3) if ratios else None
