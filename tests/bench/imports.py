"""`make bench-import`: an export from the command to the last row queryable and enriched, while `up` runs.

    python -m tests.bench.imports [--rows 150000] [--kafka embedded,apache] [--no-profile] [--json FILE]

Every figure is of real processes: a `spotifire up` on a fresh data folder, and `spotifire import` as a
person runs it, its own start, the upload and the reconciliation among it. The clock stops when the command
has ended; then queries say whether every row is there, enriched. The floor is a bare reader: zip, JSON, count.
Memory is the most that `up` held during the import, the process that reads the export with it (what two
processes share counts once), above what it held before. The profile is py-spy's, of
Python's threads alone, while another listener imports the same; it needs what `make bench-stream` installs.

Only ratios taken in one run mean anything on a machine that others use. Exit code 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec

from deploy.kafka.jars import VERSION
from producers.history.archive import Exports
from producers.history.reading import read_export
from producers.simulator.export import as_row, write_zip
from streams.contracts.events import PlayRecorded
from streams.contracts.ids import from_hex
from tests.bench.stream.backlogs import BACKLOGS, now_ms
from tests.bench.stream.hotspots import PLACES, PY_SPY, RATE
from tests.bench.stream.rivals import VENV
from tests.support.kafka import lend_jars
from tests.support.stack import Up, column, command, running

GOAL_ROWS_S = 30_000  # 150,000 rows in 5 s, and 1,500,000 in 50 s
GOAL_MIB = 250.0  # above idle
SETTLES_S = 8.0  # until a fresh `up` holds what it holds when nothing happens
LOOK_S = 0.2  # between two looks at the memory
LONGEST_S = 3600.0
ROUNDS = 3  # of what is measured in this process; the fastest counts
JARS = (VENV / f"libs-{VERSION}", Path(f".pytest_cache/d/kafka/libs-{VERSION}").absolute())

# what a frame belongs to, the first that fits: before those of the worker alone
ABOUT = (
    ("producers/history/", "", "the importer: reading, making events"),
    ("streams/telling.py", "", "the enriched topic"),
    ("streams/publisher.py", "", "publishing, both topics"),
    ("streams/sending.py", "", "publishing, both topics"),
    ("streams/batches.py", "", "publishing, both topics"),
    ("aiokafka/producer", "", "publishing, both topics"),
    ("api/", "", "API"),
    *PLACES,
)


def export_of(path: Path, rows: int) -> None:
    """The zip of a listener who played that much in eleven years: 4,000 artists, 32,000 tracks."""
    records = BACKLOGS["import"].records(rows, now_ms())
    write_zip(path, (as_row(msgspec.json.decode(value, type=PlayRecorded)) for _, value, _ in records))


def bare(path: Path) -> int:
    """The floor: every member decoded whole, its rows counted, nothing kept."""
    rows = 0
    with ZipFile(path) as archive:
        for name in archive.namelist():
            if "Streaming_History" in name:
                rows += len(msgspec.json.decode(archive.read(name)))
    return rows


def made(path: Path) -> int:
    """What the importer does before publishing: the events of every row, encoded."""
    with Exports([path]) as exports:
        return sum(len(batch.records) for batch in read_export(exports.files, 1, 2, now_ms()))


def quickest(read: Any, path: Path, rows: int) -> float:
    """Seconds of the fastest of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        if read(path) != rows:
            raise RuntimeError(f"{read.__name__} did not see {rows} rows")
        taken.append(time.perf_counter() - began)
    return min(taken)


def one_broker(place: Path, broker: str, zipped: Path, rows: int, *, profile: bool) -> dict[str, Any]:
    """Cold start, the import, the same again, and where the time of a third one goes."""
    data = place / broker
    if broker == "apache":
        lend_jars(next((libs for libs in JARS if libs.exists()), JARS[0]), data)
    began = time.monotonic()
    with running(data, "--kafka", broker, "--no-demo") as up, up.api() as api:
        cold = time.monotonic() - began
        api.post("/listeners", {"name": "Ada", "timezone": "Europe/Lisbon"})
        time.sleep(SETTLES_S)
        before = processes(up)
        idle = resident(before[:1])
        with watching(up, before[1:]) as most:
            first, report = imported(data, zipped, "Ada")
        above = most[0] - idle
        held = stored(api)
        again, second = imported(data, zipped, "Ada")
        if held != rows or stored(api) != rows or report["stored"] != rows or second["known"] != rows:
            raise RuntimeError(f"not every row is stored and enriched: {held} of {rows}; {report}; {second}")
        found: dict[str, Any] = {
            "cold start s": round(cold, 1),
            "import s": round(first, 2),
            "rows/s": round(rows / first),
            "of it, in up s": report["seconds"],
            "the same again s": round(again, 2),
            "memory idle MiB": round(idle),
            "memory above idle MiB": round(above),
            "goals": {
                f"{rows / GOAL_ROWS_S:.0f} s": rows / first > GOAL_ROWS_S,
                f"{GOAL_MIB:.0f} MiB": above < GOAL_MIB,
            },
        }
        if profile:
            found["profile"] = profiled(up, zipped, place)
    shutil.rmtree(data)
    return found


def imported(data: Path, zipped: Path, listener: str) -> tuple[float, dict[str, Any]]:
    """Seconds of `spotifire import`, from its start to its end, and the reconciliation that it printed."""
    began = time.monotonic()
    done = command(data, "import", str(zipped), "--listener", listener, "--json", timeout=LONGEST_S)
    seconds = time.monotonic() - began
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return seconds, json.loads(done.stdout)


def stored(api: Any) -> int:
    """Plays that can be queried and bear what enrichment gives, of the listener Ada."""
    listener = from_hex(api.get("/listeners/Ada")["listener"])
    return int(column(api, f"SELECT count() FROM v_plays WHERE listener = {listener} AND time_zone != ''")[0])


def profiled(up: Up, zipped: Path, place: Path) -> dict[str, Any]:
    """Shares of what the threads of `up` did while another listener imports the same; or why nobody could look."""
    looker = str(PY_SPY) if PY_SPY.exists() else shutil.which("py-spy")
    if looker is None:
        return {"failed": "py-spy is not installed"}
    assert up.process is not None
    stacks = place / "stacks.txt"
    asked = [looker, "record", "--pid", str(up.process.pid), "--rate", str(RATE), "--duration", str(int(LONGEST_S))]
    asked += ["--nonblocking", "--format", "raw", "--output", str(stacks)]
    looking = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        seconds, _ = imported(up.data, zipped, "Eve")
        looking.send_signal(signal.SIGINT)
        _, said = looking.communicate(timeout=60)
    finally:
        looking.kill()
    if not stacks.exists():
        return {"failed": (said.strip().splitlines() or ["py-spy said nothing"])[-1][:300]}
    found = shares(stacks.read_text("utf-8").splitlines())
    every = sum(found.values())
    return {
        "import s": round(seconds, 2),
        "threads at work": round(every / RATE / seconds, 2),
        "per cent": {what: round(100 * count / every, 1) for what, count in found.most_common()},
    }


def shares(stacks: list[str]) -> Counter[str]:
    """py-spy's raw lines ("frame;frame;frame COUNT", outermost first) -> looks by what they were about."""
    found: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        found[about(stack.split(";"))] += int(count)
    return found


def about(frames: list[str]) -> str:
    """What the innermost frame that is known belongs to."""
    for frame in reversed(frames):
        name, _, where = frame.partition(" (")
        for path, function, what in ABOUT:
            if path in where and function in name:
                return what
    return "the rest"


def processes(up: Up) -> list[int]:
    """`up`, and what it started."""
    assert up.process is not None
    pid = up.process.pid
    started = [path.read_text("ascii").split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid, *(int(child) for each in started for child in each)]


def resident(pids: list[int]) -> float:
    """MiB that they hold, a page that several share in parts; 0 for one that has ended."""
    found = 0.0
    for pid in pids:
        with suppress(OSError, IndexError):
            found += int(Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").split("Pss:")[1].split()[0]) / 1024
    return found


@contextmanager
def watching(up: Up, others: list[int]) -> Iterator[list[float]]:
    """The most MiB that `up` and what it starts meanwhile hold, looked at all the time; `others` do not count."""
    most, ended = [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            with suppress(OSError):
                most[0] = max(most[0], resident([pid for pid in processes(up) if pid not in others]))

    looking = threading.Thread(target=look, name="memory")
    looking.start()
    try:
        yield most
    finally:
        ended.set()
        looking.join()


@contextmanager
def folder() -> Iterator[Path]:
    """A place for it all, which goes also when somebody ends us."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="spotifire-bench-") as place:
        yield Path(place)


def main() -> None:
    """Run what was asked for; exit code 1 when a goal is missed."""
    asked = argparse.ArgumentParser(prog="python -m tests.bench.imports")
    asked.add_argument("--rows", type=int, default=150_000)
    asked.add_argument("--kafka", default="embedded", help="embedded, apache, or both with a comma")
    asked.add_argument("--no-profile", action="store_true", help="leave out the third import, at which py-spy looks")
    asked.add_argument("--json", type=Path, help="a file for the figures")
    options = asked.parse_args()
    with folder() as place:
        zipped = place / "my_spotify_data.zip"
        export_of(zipped, options.rows)
        result: dict[str, Any] = {
            "rows": options.rows,
            "zip MiB": round(zipped.stat().st_size / 2**20, 1),
            "bare reader s": round(quickest(bare, zipped, options.rows), 2),
            "reading and making events s": round(quickest(made, zipped, options.rows), 2),
            "brokers": {},
        }
        print(json.dumps(result), file=sys.stderr, flush=True)  # noqa: T201
        for broker in options.kafka.split(","):
            found = one_broker(place, broker, zipped, options.rows, profile=not options.no_profile)
            found["times the bare reader"] = round(found["import s"] / result["bare reader s"], 1)
            result["brokers"][broker] = found
            print(json.dumps(found), file=sys.stderr, flush=True)  # noqa: T201
    print(table(result))  # noqa: T201
    text = json.dumps(result, indent=2)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
    else:
        print(text)  # noqa: T201
    sys.exit(0 if all(all(found["goals"].values()) for found in result["brokers"].values()) else 1)


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    brokers = result["brokers"]
    lines = [f"{result['rows']:,} rows, a zip of {result['zip MiB']} MiB."]
    lines += [f"- {name}: {result[name]}" for name in ("bare reader s", "reading and making events s")]
    lines += ["", f"| | {' | '.join(brokers)} |", f"|---|{'---|' * len(brokers)}"]
    first = next(iter(brokers.values()))
    names = [name for name in first if name not in {"goals", "profile"}]
    lines += [f"| {name} | {' | '.join(str(found[name]) for found in brokers.values())} |" for name in names]
    for goal in first["goals"]:
        held = ["held" if found["goals"][goal] else "MISSED" for found in brokers.values()]
        lines.append(f"| goal: under {goal} | {' | '.join(held)} |")
    for broker, found in brokers.items():
        if "profile" in found:
            lines += ["", f"Where the time of `up` goes, {broker}: {json.dumps(found['profile'])}"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
