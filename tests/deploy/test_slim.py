"""An installation without the extra `embedded`, as the image `slim` is: server roles do without chDB and librdkafka."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.stack import QUIET

WITHOUT = "import sys\nfor name in ('chdb', 'confluent_kafka'):\n    sys.modules[name] = None\n"


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process in which those packages cannot be found."""
    command = [sys.executable, "-c", WITHOUT + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=QUIET, timeout=60, check=False)


def test_every_part_imports_without_them() -> None:
    parts = ("roles", "stack", "demo", "jobs", "measuring", "serve", "services", "spotify", "training", "commands.run")
    code = "".join(f"import deploy.{part}\n" for part in parts) + "import api.live, ml.profile, ml.train"
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_up_says_what_is_missing(tmp_path: Path) -> None:
    done = run("from deploy.cli import main\nmain()", "up", "--port", "0", "--data", str(tmp_path / "data"))
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip().splitlines()[-1] == (
        "spotifire: There is no embedded ClickHouse in this installation. "
        "Give --clickhouse URL, or take the all-in-one image (the extra `embedded`)."
    )


def test_the_broker_says_that_it_is_missing() -> None:
    code = (
        "import asyncio\n"
        "from deploy.broker import open_broker\n"
        "from deploy.settings import Settings\n"
        "from streams.contracts.errors import UserError\n"
        "async def main():\n"
        "    try:\n"
        "        async with open_broker(Settings()): pass\n"
        "    except UserError as error: print(error.one_line())\n"
        "asyncio.run(main())\n"
    )
    done = run(code)
    assert done.stdout.startswith("There is no embedded Kafka broker in this installation. Give --kafka HOST:PORT,"), (
        done.stderr
    )
