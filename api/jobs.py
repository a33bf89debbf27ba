"""Imports that run in this process: their progress, and what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog

from api.services import ImportRunner
from api.uploads import Upload
from streams.contracts import ids
from streams.contracts.errors import SpotifireError

log = structlog.get_logger(__name__)

KEPT = 200  # finished jobs that are remembered; older ones are in the table `imports`


@dataclass
class ImportJob:
    """One import. `progress` is what the importer last said, `report` the reconciliation.

    `begun` is by the monotonic clock, in seconds.
    """

    import_id: str
    listener: str
    files: list[str]
    state: Literal["running", "done", "failed"] = "running"
    progress: dict[str, Any] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    report: dict[str, Any] | None = None
    detail: str = ""
    exit_code: int = 0  # what the command ends with
    _changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def shown(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "import_id": self.import_id,
            "listener": self.listener,
            "state": self.state,
            "files": self.files,
            "left_out": self.left_out,
            "progress": self.progress,
            "report": self.report,
            "refused_rows": [],
            "detail": self.detail,
            "exit_code": self.exit_code,
        }

    @property
    def left_out(self) -> list[dict[str, str]]:
        """Files that hold no plays, and why."""
        return [{"file": one["label"], "why": one["why"]} for one in self.progress.get("ignored", ())]

    def note(self, progress: dict[str, Any]) -> None:
        """What the importer said, with rows a second, and about how many seconds are left (null: not known)."""
        seconds = max(time.monotonic() - self.begun, 0.001)
        done, total = progress.get("bytes_done", 0), progress.get("bytes_total", 0)
        reading = progress.get("state") == "reading" and 0 < done < total
        self.progress = {
            **progress,
            "rows_per_second": round(progress.get("read", 0) / seconds),
            "seconds_left": round(seconds * (total - done) / done, 1) if reading else None,
        }

    def touch(self) -> None:
        """Wake whoever watches."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def states(self, seconds: float = 0.25) -> AsyncIterator[dict[str, Any]]:
        """The state now, then at each change (at most every `seconds`), up to the last one."""
        while True:
            changed = self._changed
            shown = self.shown()
            yield shown
            if shown["state"] != "running":
                return
            await changed.wait()
            await asyncio.sleep(seconds)


class ImportJobs:
    """Starts imports as tasks of the loop that serves the API, and remembers them."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, ImportJob] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, run: ImportRunner, upload: Upload, listener: int) -> ImportJob:
        """Begin; the upload is removed when the import ends."""
        import_id = ids.new_id()
        job = ImportJob(ids.to_hex(import_id), ids.to_hex(listener), upload.names)
        self._jobs[job.import_id] = job
        while len(self._jobs) > KEPT:
            self._jobs.popitem(last=False)
        task = asyncio.create_task(
            self._run(run, upload, upload.files, listener, import_id, job), name=f"import {job.import_id}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def get(self, import_id: str, listener: str) -> ImportJob | None:
        """A job of this listener (hex ids)."""
        job = self._jobs.get(import_id)
        return job if job is not None and job.listener == listener else None

    async def stop(self) -> None:
        """Cancel what runs: an import is resumed by importing the same files again."""
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(
        self, run: ImportRunner, upload: Upload, paths: list[Path], listener: int, import_id: int, job: ImportJob
    ) -> None:
        loop = asyncio.get_running_loop()

        def progressed(progress: Any) -> None:
            """May be called from any thread."""
            job.note(msgspec.to_builtins(progress))
            loop.call_soon_threadsafe(job.touch)

        try:
            try:
                report = await run(paths, listener, import_id, progressed)
            finally:  # before anybody is told that it ended
                await asyncio.to_thread(upload.remove)
            job.report, job.state = msgspec.to_builtins(report), "done"
        except asyncio.CancelledError:
            job.state, job.exit_code = "failed", 1
            job.detail = "The server stopped. Import the same files again: known rows add nothing."
            raise
        except SpotifireError as error:
            job.state, job.exit_code, job.detail = "failed", error.exit_code, error.one_line()
        except Exception:
            log.exception("import failed", import_id=job.import_id)
            job.state, job.exit_code = "failed", 1
            job.detail = "An error that nobody foresaw: the server's log has the details."
        finally:
            job.touch()
