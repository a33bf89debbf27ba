"""Results as tables, and into the docs: JSON beside docs/benchmarks.md, and the tables between its markers."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.stream import rivals
from tests.bench.stream.contest import QUIET, TELLING
from tests.bench.stream.restart import PLAIN, STATIC

PAGE = Path("docs/benchmarks.md")
DATA = Path("docs/benchmarks-stream.json")
BEGIN, END = "<!-- bench-stream: begin -->", "<!-- bench-stream: end -->"
WRITTEN = ("contest", "workers", "latency", "neighbour", "restart", "hotspots")  # their order on the page

Found = dict[str, Any]


def tables(part: str, found: Found) -> str:
    """Markdown of one part's results."""
    return f"{part} failed: {found['failed']}" if "failed" in found else "\n".join(_TABLES[part](found))


def write(part: str, found: Found) -> None:
    """Put one part's results in the place of its older ones, in both files."""
    known: Found = json.loads(DATA.read_text("utf-8")) if DATA.exists() else {}
    known[part] = {**found, "machine": machine()}
    DATA.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [f"{_said(known[name]['machine'])}\n\n{tables(name, known[name])}" for name in WRITTEN if name in known]
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}", "utf-8")


def machine() -> Found:
    """On what it was measured, and when."""
    return {
        "measured": time.strftime("%Y-%m-%d"),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": rivals.versions(),
    }


def _said(at: Found) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in at["versions"].items())
    return f"Measured on {at['measured']}, {at['cores']} {at['processor']} cores, Python {at['python']}; {versions}."


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)


def _contest(found: Found) -> Iterator[str]:
    head = ("backlog", "against", "ours", "ours, enriched topic off", "goal", "floor", "")
    rows = [
        (
            each["backlog"],
            each["against"],
            _times(each[TELLING.name]),
            _times(each[QUIET.name]),
            _times(each["goal"]),
            _times(each["floor"]),
            _verdict(each),
        )
        for each in found["ratios"]
    ]
    yield f"Ours against others, {found['records']:,} records a backlog, median of the rounds:"
    yield ""
    yield from _table(head, rows)
    yield ""
    best: dict[tuple[str, str], Found] = {}
    for each in found["runs"]:
        if not each["wrong"]:
            best[each["backlog"], each["contestant"]] = each
    yield "The last round in figures (seconds from the first record in hand to the last one committed):"
    yield ""
    yield from _table(
        ("backlog", "who", "records/s", "s", "s from start", "s of processor", "MiB at most"),
        [
            (
                backlog,
                who,
                f"{one['records/s']:,}",
                one["s"],
                one["s from start"],
                one["cpu s"],
                one["peak MiB"],
            )
            for (backlog, who), one in best.items()
        ],
    )
    wrong = [each for each in found["runs"] if each["wrong"]]
    if wrong or found["absent"]:
        yield ""
    for each in wrong:
        reason = " ".join(each["wrong"].split())[-200:]
        yield f"- Not counted: {each['contestant']}, {each['backlog']}, round {each['round']}: {reason}"
    for name, why in found["absent"].items():
        yield f"- Did not take part: {name}: {why}"


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


def _verdict(each: Found) -> str:
    ratio = each[TELLING.name]
    if ratio is None:
        return "not measured"
    if ratio >= each["goal"]:
        return "goal reached"
    return "above the floor" if ratio >= each["floor"] else "BELOW THE FLOOR"


def _workers(found: Found) -> Iterator[str]:
    yield f"Workers and memory, live backlog of {found['records']:,} records:"
    yield ""
    yield from _table(
        ("", "", "goal"),
        [
            ("worker against a server, MiB at most", found["worker against a server, most MiB"], "400"),
            ("embedded worker, MiB above idle", found["embedded worker, MiB above idle"] or "–", "250"),
            ("embedded worker, MiB idle", found["embedded worker, idle MiB"], ""),
            ("one worker against a server, records/s", f"{found['one worker, records/s']:,}", ""),
            ("two workers against it, records/s", f"{found['two workers, records/s']:,}", ""),
            ("two against one", found["two against one"], ""),
        ],
    )


def _latency(found: Found) -> Iterator[str]:
    brokers = ("Apache Kafka", "in-process broker")
    rate, seconds = found["plays/s"], found["s"]
    yield f"From publish to queryable at {rate:,} plays a second for {seconds} s (goal: p99 under 300 ms):"
    yield ""
    yield from _table(("", *brokers), [(name, *(found[b][name] for b in brokers)) for name in found[brokers[0]]])


def _neighbour(found: Found) -> Iterator[str]:
    yield (
        f"A neighbour on the partition of an import of {found['rows of the export']:,} rows, publish to queryable"
        f" (goal: p99 under 1,000 ms); the import ran at {found['import, rows/s']:,} rows/s:"
    )
    yield ""
    both = ("alone", "beside the import")
    yield from _table(("", *both), [(name, *(found[each][name] for each in both)) for name in found["alone"]])


def _restart(found: Found) -> Iterator[str]:
    yield (
        f"A rolling restart of {found['workers']} workers, one after the other, at {found['plays/s']} plays a second,"
        " publish to queryable:"
    )
    yield ""
    columns = [(kind, when) for kind in (STATIC, PLAIN) for when in ("before", "during")]
    yield from _table(
        ("", *(f"{kind}, {when}" for kind, when in columns)),
        [(name, *(found[kind][when][name] for kind, when in columns)) for name in found[STATIC]["before"]],
    )
    yield ""
    for kind in (STATIC, PLAIN):
        late, slowest = found[kind]["plays that waited over 1 s, per cent"], found[kind]["slowest exit s"]
        yield f"- {kind}: {late}% of the plays meanwhile waited over a second; the slowest worker ended in {slowest} s."


def _hotspots(found: Found) -> Iterator[str]:
    yield f"Where the worker's time goes on the import backlog ({found['threads at work']} threads at work on average):"
    yield ""
    yield from _table(("", "per cent"), list(found["per cent"].items()))


_TABLES: dict[str, Callable[[Found], Iterator[str]]] = {
    "contest": _contest,
    "workers": _workers,
    "latency": _latency,
    "neighbour": _neighbour,
    "restart": _restart,
    "hotspots": _hotspots,
}
