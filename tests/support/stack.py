"""A running `spotifire up` as a user has it: a process of its own on a data folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy import folder
from deploy.client import Api, remote
from streams.contracts.errors import SpotifireError

READY = 90.0  # seconds that a start may take on a busy machine
QUIET = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


class Up:
    """`spotifire up --data DIR ...`."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says where it is."""
        output = (self.data.parent / f"{self.data.name}.output").open("ab")
        command = [sys.executable, "-m", "deploy", "up", "--data", str(self.data), "--port", "0", *self.options]
        with output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=QUIET)
        until = time.monotonic() + READY
        while (found := folder.find(self.data)) is None or found.pid != self.process.pid:
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"up did not start:\n{self.output()}")
            time.sleep(0.05)

    def output(self) -> str:
        """What it printed so far."""
        return (self.data.parent / f"{self.data.name}.output").read_text("utf-8", "replace")[-5000:]

    @contextmanager
    def api(self) -> Iterator[Api]:
        """Its API, as the command uses it."""
        running = folder.find(self.data)
        assert running is not None, self.output()
        with remote(running) as api:
            yield api

    def stop(self, which: int = signal.SIGINT) -> tuple[int, float]:
        """Signal it; its exit code and how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(which)
        code = self.process.wait(30)
        return code, time.monotonic() - began


@contextmanager
def running(data: Path, *options: str) -> Iterator[Up]:
    """A started `up`, killed at the end if it still runs."""
    up = Up(data, *options)
    up.start()
    try:
        yield up
    finally:
        if up.process is not None and up.process.poll() is None:
            up.process.kill()
            up.process.wait()


def command(data: Path, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """One run of the command, as a person has it."""
    return subprocess.run(
        [sys.executable, "-m", "deploy", *arguments, "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=QUIET,
        check=False,
    )


def answer(data: Path, *arguments: str) -> Any:
    """The JSON document of a command that must succeed."""
    done = command(data, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def column(api: Api, query: str) -> list[Any]:
    """The first column of a query."""
    return [row[0] for row in api.post("/sql", {"query": query, "limit": 10_000})["rows"]]


def upload(api: Api, listener: str, paths: Sequence[Path], *, seconds: float = 120) -> dict[str, Any]:
    """Import files and wait for the reconciliation."""
    import_id = begin_upload(api, listener, paths)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        status = api.get(f"/listeners/{listener}/imports/{import_id}")
        if status["state"] != "running":
            assert status["state"] == "done", status
            report: dict[str, Any] = status["report"]
            return report
        time.sleep(0.1)
    raise SpotifireError(f"The import did not end within {seconds} s.")


def begin_upload(api: Api, listener: str, paths: Sequence[Path]) -> str:
    """Begin an import; its id."""
    parts = [("files", (path.name, path.read_bytes())) for path in paths]
    begun: str = api.call("POST", f"/listeners/{listener}/imports", files=parts)["import_id"]
    return begun
