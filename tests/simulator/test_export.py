from __future__ import annotations

import json
import zipfile
from pathlib import Path

from producers.simulator.export import (
    FOLDER,
    PLANTED_ADDRESS,
    PLANTED_AGENT,
    PLANTED_USER,
    as_export,
    export_of,
    shuffled,
    write_zip,
)
from producers.simulator.simulator import Simulator
from tests.support.data import shared_data

UNTIL = 1_780_000_000_000


def test_rows_have_the_fields_of_a_real_export() -> None:
    real = json.loads(shared_data("Streaming_History_Audio_2025.json").read_text())
    made = export_of(50, UNTIL)
    assert set(made[0]) <= set(real[0])
    assert set(real[0]) - set(made[0]) == {name for name in real[0] if name.startswith("audiobook_")}
    assert all(type(made[0][name]) in {type(each[name]) for each in real} for name in ("ts", "ms_played", "shuffle"))


def test_as_many_rows_as_asked_in_order_and_always_the_same() -> None:
    made = export_of(5_000, UNTIL)
    assert len(made) == 5_000
    assert [row["ts"] for row in made] == sorted(row["ts"] for row in made)
    assert made == export_of(5_000, UNTIL)
    assert sorted(map(str, shuffled(made))) == sorted(map(str, made))
    assert shuffled(made) != made


def test_what_an_importer_must_drop_is_planted() -> None:
    simulator = Simulator()
    row = next(as_export(simulator, simulator.listeners[0], 9, UNTIL))
    assert row["ip_addr"] == PLANTED_ADDRESS
    old = next(as_export(simulator, simulator.listeners[0], 9, UNTIL, endsong=True))
    assert (old["username"], old["ip_addr_decrypted"], old["user_agent_decrypted"]) == (
        PLANTED_USER, PLANTED_ADDRESS, PLANTED_AGENT,
    )  # fmt: skip


def test_the_zip_is_of_the_shape_that_spotify_sends(tmp_path: Path) -> None:
    made = export_of(2_500, UNTIL)
    names = write_zip(tmp_path / "a.zip", made, rows_a_file=1_000)
    assert len(names) == 3
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert [row for name in names for row in json.loads(archive.read(name))] == made
        beside = set(archive.namelist()) - set(names)
    assert {name.removeprefix(f"{FOLDER}/") for name in beside} == {
        "ReadMeFirst_ExtendedStreamingHistory.pdf", "Identity.json", "Playlist1.json",
    }  # fmt: skip
