"""The parts as processes of their own, to be killed: ClickHouse over HTTP, and workers in front of it.

Each worker is the command `spotifire worker` with a proxy of its own between it and ClickHouse, so
that a test knows whose insert it holds up.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.proxy import Plan, Proxy, honest
from tests.support.stack import QUIET
from tests.support.wire import Wire

ROOT = Path(__file__).parents[2]
WORKER = ("deploy", "worker")
COLLECTOR = ("deploy", "collect")

_READY_S = 180.0  # on a machine that others share


class Process:
    """`python -m ...`, its output in a file."""

    def __init__(self, output: Path, module: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._output = output
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdout=file,
                stderr=file,
                cwd=ROOT,
                env={**QUIET, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def terminate(self, seconds: float = _READY_S) -> tuple[int, float]:
        """SIGTERM; its exit code and the seconds that it took."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds), time.monotonic() - began

    def memory_mib(self) -> float:
        """Resident set, as Linux's /proc says it; 0 once it has ended."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0.0
        return int(status.split("VmRSS:")[1].split()[0]) / 1024 if "VmRSS:" in status else 0.0

    def said(self) -> str:
        """The end of its output."""
        return self._output.read_text("utf-8", "replace")[-4000:]


class ClickHouseProcess:
    """deploy/clickhouse_http.py on a folder, always on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self._port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.process: Process | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        module = ["deploy.clickhouse_http", "--path", str(self._folder / "data"), "--port", str(self._port)]
        self.process = Process(self._folder / "clickhouse.output", module)
        wait(self._answers, "ClickHouse did not start", self.process.said)

    def kill(self) -> None:
        """SIGKILL; `start` may follow."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@dataclass(frozen=True)
class Worker:
    """A worker's process and the proxy in front of it."""

    name: str
    static: str  # its fixed name in the group, or ""; no two may have the same
    process: Process
    proxy: Proxy


class Fleet:
    """Workers on one broker and one database. `close` ends them all."""

    def __init__(self, folder: Path, wire: Wire, clickhouse: ClickHouseProcess, database: str) -> None:
        self._folder = folder
        self.wire = wire
        self._clickhouse = clickhouse
        self.database = database
        self.workers: list[Worker] = []
        self._started = 0

    def start(
        self,
        *,
        static: str = "",
        plan: Plan = honest,
        module: Sequence[str] = WORKER,
        environment: Mapping[str, str] | None = None,
    ) -> Worker:
        """One more worker; it may take seconds until it works. `static`: its fixed name in the group."""
        self._started += 1
        name = f"{static or 'worker'}-{self._started}"
        proxy = Proxy(self._clickhouse.url, plan).__enter__()
        at = ["--kafka", self.wire.bootstrap, "--clickhouse", proxy.url, "--data", str(self._folder / name)]
        settings = {"SPOTIFIRE_DATABASE": self.database, "SPOTIFIRE_WORKER_ID": static, **(environment or {})}
        worker = Worker(name, static, Process(self._folder / f"{name}.output", [*module, *at], settings), proxy)
        self.workers.append(worker)
        return worker

    def kill(self, worker: Worker) -> None:
        """SIGKILL."""
        worker.process.kill()
        self._drop(worker)

    def terminate(self, *workers: Worker) -> list[float]:
        """SIGTERM to all of them at once; the seconds until each had ended. They must end well."""
        with ThreadPoolExecutor(len(workers)) as threads:
            ended = list(threads.map(lambda worker: worker.process.terminate(), workers))
        for worker, (code, _) in zip(workers, ended, strict=True):
            assert code == 0, f"{worker.name} ended with {code}:\n{worker.process.said()}"
            self._drop(worker)
        return [seconds for _, seconds in ended]

    def close(self) -> None:
        """End what still runs, the polite way first, so that the group is empty at once."""
        for worker in list(self.workers):
            if worker.process.ended() is None:
                worker.proxy.plan = honest
                worker.process.terminate()
            self._drop(worker)

    def alive(self) -> None:
        """Fail where a worker ended by itself."""
        for worker in self.workers:
            code = worker.process.ended()
            assert code is None, f"{worker.name} ended by itself with {code}:\n{worker.process.said()}"

    def sharing(self, workers: int, seconds: float = _READY_S) -> None:
        """Wait until so many workers hold all partitions between them."""

        def there() -> bool:
            self.alive()
            held = self.wire.members()
            return len(held) == workers and sum(held.values()) == len(self.wire.ends())

        wait(there, f"{workers} workers did not share the partitions", self.said, seconds=seconds, pause=0.2)

    def settled(self, seconds: float = 120) -> float:
        """Wait until all that was published is committed; how long that took."""
        began = time.monotonic()

        def done() -> bool:
            self.alive()
            return not self.wire.lag()

        wait(done, "the lag did not go back to 0", self.said, seconds=seconds, pause=0.1)
        return time.monotonic() - began

    def said(self) -> str:
        """What the workers said last."""
        return "\n".join(f"--- {worker.name}\n{worker.process.said()}" for worker in self.workers)

    def _drop(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.proxy.__exit__(None, None, None)


def wait(
    true: Callable[[], bool],
    otherwise: str,
    more: Callable[[], str] = str,
    *,
    seconds: float = _READY_S,
    pause: float = 0.02,
) -> None:
    """Wait until something is true, or fail with a text."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{otherwise} within {seconds:.0f} s\n{more()}"
        time.sleep(pause)
