"""Every command of the README is run, in its order, on one data folder, as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
import requests

from producers.simulator.export import export_of, write_zip
from producers.simulator.simulator import Simulator
from tests.support.stack import QUIET, Up, column, command, running

ROOT = Path(__file__).resolve().parents[2]
UNTIL = 1_761_955_200_000  # 2025-11-01

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def readme_commands() -> list[str]:
    """The indented lines of the README: what it tells people to type."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.startswith("    ")]


@pytest.mark.drift
def test_every_line_is_a_command_that_we_know() -> None:
    commands = readme_commands()
    assert {"make run", "make test"} <= set(commands)
    others = [line for line in commands if not line.startswith("make ")]
    assert others
    assert all(line.startswith(".venv/bin/spotifire ") for line in others), others


@pytest.mark.drift
def test_make_targets_exist() -> None:
    named = set(
        re.findall(r"\bmake ([a-z-]+)", "".join((ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md")))
    )
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= targets


def test_the_commands_work(tmp_path: Path) -> None:
    write_zip(tmp_path / "my_spotify_data.zip", export_of(1_500, UNTIL))
    artists = [
        {"id": a.id, "name": a.name, "genres": a.genres, "popularity": a.popularity} for a in Simulator(1).artists()
    ]
    (tmp_path / "artists.json").write_bytes(msgspec.json.encode(artists))
    with running(tmp_path / "data", "--fake-spotify", "--no-demo") as up:
        for line in readme_commands():
            if line.startswith("make "):
                continue  # make run is this stack; make test is what runs this test
            arguments = shlex.split(line.removeprefix(".venv/bin/spotifire "))
            arguments = [str(tmp_path / a) if (tmp_path / a).is_file() else a for a in arguments]
            if arguments[:2] == ["listeners", "connect"]:
                connect(up, arguments)
                continue
            if arguments[:2] == ["listeners", "add"]:
                arguments[2] = "Fay"  # Ada is there already: the import made her
            done = command(up.data, *arguments)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
            assert done.stdout.strip(), line
        with up.api() as api:
            assert int(column(api, "SELECT count() FROM v_plays WHERE genre != 'unknown'")[0]) > 0


def connect(up: Up, arguments: list[str]) -> None:
    """`listeners connect`, with the consent that a person gives in a browser; then their plays arrive."""
    arguments = ["fake-client-id" if a == "YOUR_APP" else a for a in arguments]
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy", *arguments, "--data", str(up.data)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**QUIET, "PYTHONUNBUFFERED": "1", "COLUMNS": "2000"},
        cwd=os.fspath(ROOT),
    )
    assert process.stderr is not None
    said = ""
    while not (found := re.search(r"page: (\S+)", said)):
        line = process.stderr.readline()
        assert line, said
        said += line
    consent(found[1])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (out, said + err)
    with up.api() as api:
        until = time.monotonic() + 60
        polled = "SELECT count() FROM v_sightings WHERE source = 'spotify.recently-played'"
        while not int(column(api, polled)[0]):
            assert time.monotonic() < until, up.output()
            time.sleep(0.3)


def consent(url: str) -> None:
    """Agree on the fake's page as its first person, and follow the way back."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(url, timeout=10)
        assert page.status_code == 200, page.text
        account = re.search(r'name="answer" value="([^"]+)"', page.text)
        assert account, page.text
        form = dict(parse_qsl(urlsplit(url).query)) | {"answer": account[1]}
        back = browser.post(url.split("?", maxsplit=1)[0], data=form, timeout=10)
        assert back.status_code == 200, back.text
