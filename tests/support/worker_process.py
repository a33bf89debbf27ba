"""A worker in a process of its own, to be killed: `python -m tests.support.worker_process ...`.

Arguments: the broker's address, the group, the data folder, the file that is durable, the
records in a slice, its static name, and the host that it thinks it is on. It ends on SIGTERM with 0.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

from streams.app import WorkerSettings
from streams.metrics import Metrics
from streams.worker import Worker
from tests.support.recorder import Recorder, slow


async def main(bootstrap: str, group: str, data_dir: str, file: str, slice_records: str, name: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    recorder = Recorder(Path(file))
    recorder.before = recorder.after = slow(0.01)  # so that a kill also falls between the two
    settings = WorkerSettings(
        bootstrap=bootstrap,
        data_dir=Path(data_dir),
        group=group,
        slice_records=int(slice_records),
        session_s=30.0,
        instance_id=name,  # it is back within its session, and gets its partitions at once
    )
    await Worker(settings, recorder, Metrics(), commands=recorder).run(stopping)


if __name__ == "__main__":
    *arguments, host = sys.argv[1:]
    socket.gethostname = lambda: host
    asyncio.run(main(*arguments))
