"""What the command says and how it ends when something is wrong: one line each, with the cure."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from rich.console import Console

from deploy import folder
from deploy.commands.history import made_in, reconciliation
from streams.contracts.errors import UserError
from tests.support.stack import answer, command, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = command(tmp_path / "data", "up", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1] == (
        f"spotifire: Port {port} is taken. Stop what holds it, or choose another: --port 0."
    )


def test_a_folder_that_another_process_holds(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--no-demo") as up:
        done = command(up.data, "up", "--port", "0")
        assert done.returncode == 2
        assert "is held by a running Spotifire at http://127.0.0.1:" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        # a command that only asks talks to the one that runs
        assert answer(up.data, "listeners", "list") == {"listeners": []}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = command(tmp_path / "file" / "data", "recent", "Ada")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "--data DIR" in done.stderr


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LEAST_FREE", 2**70)
    with pytest.raises(UserError, match="is full"), folder.hold(tmp_path / "data"):
        pass


def test_a_newer_schema(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert command(data, "migrate").returncode == 0
    newer = (
        "from pathlib import Path\n"
        "from sinks.clickhouse import ClickHouse, ClickHouseSettings\n"
        f"ch = ClickHouse(ClickHouseSettings(path=Path({str(data / 'clickhouse')!r})))\n"
        "ch.command('INSERT INTO schema_versions SELECT * REPLACE (9999 AS number) FROM schema_versions LIMIT 1')\n"
        "ch.close()\n"
    )
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", newer], check=True, timeout=60)
    done = command(data, "recent", "Ada")
    assert done.returncode == 2
    assert "newer" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_nobody_by_that_name(tmp_path: Path) -> None:
    done = command(tmp_path / "data", "recent", "Nobody")
    assert done.returncode == 2
    assert "no listener called 'Nobody'" in done.stderr


def test_nothing_to_show_yet_is_an_exit_code_of_its_own(tmp_path: Path) -> None:
    assert command(tmp_path / "data", "listeners", "add", "Ada", "--timezone", "Asia/Tokyo").returncode == 0
    for question in (
        ["recent", "Ada"],
        ["top", "tracks", "Ada"],
        ["clock", "Ada", "--window", "all"],
        ["library", "Ada"],
    ):
        done = command(tmp_path / "data", *question, "--json")
        assert done.returncode == 3, (question, done.stderr)
        json.loads(done.stdout)


def test_an_import_says_when_its_plays_were_and_which_command_goes_on(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "history.json"
    nameless = {"spotify_track_uri": "spotify:track:1", "ms_played": 60_000}
    named = {**nameless, "master_metadata_track_name": "T", "master_metadata_album_artist_name": "A"}
    rows = [{**named, "ts": "2016-03-01T10:00:00Z"}, {**nameless, "ts": "2019-10-01T10:00:00Z"}]
    file.write_text(json.dumps(rows), "utf-8")
    done = command(data, "import", str(file), "--listener", "Ada B", "--timezone", "Asia/Tokyo")
    assert done.returncode == 0, done.stderr
    assert "to change it: spotifire listeners set 'Ada B' --timezone" in done.stderr.replace("To", "to")
    assert "plays from 2016-03 to 2019-10" in done.stdout
    assert "Next: spotifire profile 'Ada B' --window all" in done.stdout
    done = command(data, "import", str(file), "--listener", "Ada B", "--timezone", "Europe/Lisbon")
    assert "stays in Asia/Tokyo; to change it: spotifire listeners set 'Ada B' --timezone Europe/Lisbon" in done.stderr
    assert "spotify:track:1" in command(data, "recent", "Ada B").stdout


def test_a_report_says_how_rows_in_another_encoding_are_mended() -> None:
    counts = dict.fromkeys(("read", "stored", "known", "plays_new", "plays_merged", "gaps_closed"), 1)
    console = Console(width=100)
    with console.capture() as drawn:
        console.print(reconciliation({"report": {**counts, "seconds": 1.0, "refused": {"not-utf8": 1}}}))
    assert "Save the files of the not-utf8 rows as UTF-8 and import them again." in drawn.get()


@pytest.mark.parametrize(("asked", "told"), [(False, "will be in UTC until"), (True, "local time by UTC")])
def test_hours_in_utc_are_told_where_nobody_asked_for_them(asked: bool, told: str) -> None:
    said = made_in("Bob", "UTC", asked=asked)
    assert told in said
    assert said.endswith("spotifire listeners set Bob --timezone Europe/Lisbon")


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = command(tmp_path / "data", "up", "--kafka", "nowhere")
    assert done.returncode == 2
    assert "'kafka'" in done.stderr
    assert "HOST:PORT" in done.stderr


def test_json_is_one_document_and_logs_stay_off_it(tmp_path: Path) -> None:
    done = command(tmp_path / "data", "up", "--port", "0", "--no-demo", "--for", "1", "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert {"plays_in", "enriched", "stored", "refused", "lag"} <= counts.keys()


def test_a_token_is_made_listed_and_revoked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = answer(data, "tokens", "add", "prometheus")
    done = command(data, "tokens", "list")
    assert f"{made['token_id']}  prometheus  everything, to read it" in done.stdout
    assert made["token"] not in done.stdout + done.stderr
    assert command(data, "tokens", "revoke", made["token_id"]).returncode == 0
    done = command(data, "tokens", "revoke", made["token_id"])
    assert (done.returncode, done.stderr.strip()) == (
        2,
        f"spotifire: There is no token {made['token_id']}. See `spotifire tokens list`.",
    )
