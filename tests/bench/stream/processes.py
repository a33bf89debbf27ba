"""Processes of the bench: started, listened to, measured from outside by /proc, ended by their own id."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

STOP_S = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


class Ended(Exception):
    """A process ended before it was told to; its last lines are in the message."""


class Process:
    """`python -m MODULE ARGUMENTS`, whose standard output is lines of JSON. A context manager."""

    def __init__(
        self,
        python: Path,
        module: str,
        arguments: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.started = time.monotonic()
        self._log = log
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.heard: dict[str, dict[str, Any]] = {}
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(python), "-m", module, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def hear(self, event: str, *, seconds: float = 90.0) -> dict[str, Any]:
        """Wait for an event. Raises Ended, or TimeoutError."""
        until = time.monotonic() + seconds
        while self.poll(event) is None:
            if self._process.poll() is not None and self.poll(event) is None:
                raise Ended(self.last_lines())
            if time.monotonic() > until:
                raise TimeoutError(f"no {event!r} within {seconds:.0f} s: {self.last_lines()}")
            time.sleep(0.02)
        return self.heard[event]

    def poll(self, event: str) -> dict[str, Any] | None:
        """The event, if it was said."""
        while not self._said.empty():
            line = self._said.get()
            self.heard.setdefault(line["event"], line)
        return self.heard.get(event)

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def resident(self) -> float:
        """MiB in memory now."""
        return self._status("VmRSS")

    def peak(self) -> float:
        """The most MiB that it had in memory."""
        return self._status("VmHWM")

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self) -> int:
        """SIGTERM, and after a while SIGKILL; its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def last_lines(self) -> str:
        """The end of what it wrote to standard error."""
        return self._log.read_text("utf-8", "replace")[-1500:]

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _status(self, name: str) -> float:
        _, there, rest = Path(f"/proc/{self.pid}/status").read_text().partition(f"{name}:")
        return int(rest.split()[0]) / 1024 if there else 0.0  # one that has just ended has none

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b'{"event"'):
                self._said.put(json.loads(line))
