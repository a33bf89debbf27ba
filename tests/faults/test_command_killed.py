"""kill -9 in the middle of a command: the next process does the rest, and the plays are the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.streams.memory import at_once
from tests.streams.worlds import heard

POLL = "spotify.recently-played"


def test_an_undo_that_is_killed_goes_on_in_the_next_process(tmp_path: Path) -> None:
    def run(step: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.command_process", str(tmp_path / "ch"), step]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with run("begin") as first:
        assert first.stdout is not None
        writes = 0
        for line in first.stdout:
            writes += line.strip() in {"plays", "sightings", "import_rows"}
            if writes == 8:  # in the second piece of five
                break
        first.kill()
    assert first.returncode == -signal.SIGKILL
    with run("go-on") as second:
        assert second.stdout is not None
        said = second.stdout.read()
    plays, sightings, held = json.loads(said.splitlines()[-1])
    polled = [heard(400 * n + 3, POLL) for n in range(0, 20, 4)]
    assert (plays, sightings, held) == (sorted(play for _, play in at_once(polled)), 5, 0)
