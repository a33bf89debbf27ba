"""The parts as processes of their own, as compose runs them: migrate, two workers, collector, API.

On Apache Kafka and on deploy/clickhouse_http.py, which stands for the ClickHouse server.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from deploy import folder
from deploy.client import remote
from deploy.kafka.apache import ApacheKafka
from producers.simulator.export import export_of, write_zip
from streams.contracts import ids
from tests.integration.test_end_to_end import PLAYS, SIGHTINGS, expected_ids
from tests.support.stack import QUIET, column, upload

UNTIL = 1_761_955_200_000  # 2025-11-01

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.apache_kafka]


@contextmanager
def process(tmp_path: Path, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output lies in a file of its name; killed at the end if it still runs."""
    with (tmp_path / f"{name}.output").open("ab") as output:
        started = subprocess.Popen([sys.executable, "-m", *command], stdout=output, stderr=output, env=QUIET)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()


@pytest.fixture
def stores(kafka_jars: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(Kafka, ClickHouse): addresses."""
    with ExitStack() as opened:
        broker = opened.enter_context(ApacheKafka(tmp_path / "kafka", libs=kafka_jars))
        opened.enter_context(
            process(tmp_path, "clickhouse", "deploy.clickhouse_http", "--path", str(tmp_path / "ch"), "--port", "18123")
        )
        yield broker.bootstrap, "http://127.0.0.1:18123"


def test_several_processes_share_the_work(stores: tuple[str, str], tmp_path: Path) -> None:
    kafka, clickhouse = stores
    at = ["--kafka", kafka, "--clickhouse", clickhouse]
    export = tmp_path / "export.zip"
    write_zip(export, export_of(3_000, UNTIL))
    with ExitStack() as opened:
        migrate = [sys.executable, "-m", "deploy", "migrate", "--clickhouse", clickhouse, "--data", str(tmp_path / "m")]
        until = time.monotonic() + 60
        while subprocess.run(migrate, capture_output=True, env=QUIET, check=False).returncode:
            assert time.monotonic() < until, (tmp_path / "clickhouse.output").read_text()
            time.sleep(0.5)
        workers = [
            opened.enter_context(
                process(tmp_path, f"worker{n}", "deploy", "worker", *at, "--data", str(tmp_path / f"w{n}"))
            )
            for n in range(2)
        ]
        opened.enter_context(process(tmp_path, "collect", "deploy", "collect", *at, "--data", str(tmp_path / "c")))
        api_data = tmp_path / "a"
        opened.enter_context(process(tmp_path, "api", "deploy", "api", *at, "--port", "0", "--data", str(api_data)))
        while (running := folder.find(api_data)) is None:
            assert time.monotonic() < until + 30, (tmp_path / "api.output").read_text()
            time.sleep(0.1)
        with remote(running) as api:
            listeners = [api.post("/listeners", {"name": name, "timezone": "Asia/Tokyo"}) for name in ("Ada", "Bo")]
            expected: set[str] = set()
            for listener in listeners:
                report = upload(api, listener["name"], [export])
                assert report["stored"] == 3_000
                expected |= expected_ids(export, ids.from_hex(listener["listener"]))
                if listener["name"] == "Ada":
                    os.kill(workers[0].pid, signal.SIGKILL)  # the other one takes over
            assert set(column(api, SIGHTINGS)) == expected
            plays = column(api, "SELECT concat(listener_hex, play_hex) FROM v_plays")
            assert len(plays) == len(set(plays))
            assert column(api, PLAYS)
        workers[1].send_signal(signal.SIGTERM)
        assert workers[1].wait(20) == 0, (tmp_path / "worker1.output").read_text()
