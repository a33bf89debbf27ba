from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.history.archive import Exports
from producers.history.published import Published
from producers.history.reading import read_export
from producers.history.rows import ExtendedRow
from streams.contracts import codec
from streams.contracts.errors import Refused, UserError
from streams.contracts.events import PlayRecorded
from tests.history.recording import row, rows, write

NOW = 1_790_000_000_000
SECRET = "planted-secret-8c1f"


def read(path: Path, window: int = 16_384) -> list[Published]:
    with Exports([path]) as exports:
        return [record for batch in read_export(exports.files, 1, 2, NOW, window=window) for record in batch.records]


def test_every_row_has_its_origin_and_the_bytes_add_up(tmp_path: Path) -> None:
    write(tmp_path / "a.json", rows(3))
    write(tmp_path / "b.json", [row(), 7, row()])
    with Exports([tmp_path]) as exports:
        batches = list(read_export(exports.files, 1, 2, NOW))
        assert batches[-1].position == exports.size
    assert batches[-1].rows == 6
    assert {record.origin for batch in batches for record in batch.records} == {
        "a.json#1", "a.json#2", "a.json#3", "b.json#1", "b.json#2", "b.json#3",
    }  # fmt: skip


def test_rows_come_in_time_order_when_the_window_holds_their_disorder(tmp_path: Path) -> None:
    made = rows(1_500)
    random.Random(1).shuffle(made)
    write(tmp_path / "endsong_0.json", made)
    ends = [record.end for record in read(tmp_path)]
    assert len(ends) == 1_500
    assert ends == sorted(ends)


def test_a_small_window_loses_order_and_no_row(tmp_path: Path) -> None:
    made = rows(1_500)
    random.Random(1).shuffle(made)
    write(tmp_path / "endsong_0.json", made)
    assert sorted(read(tmp_path, window=10)) == sorted(read(tmp_path))


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from(["1e3", "2025"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_forbidden = ("ip_addr", "ip_addr_decrypted", "username", "user_agent_decrypted", "user_agent", "city", "metro_code")
_secrets = st.sampled_from([SECRET, {"x": SECRET}, [SECRET]])
_row = st.fixed_dictionaries(
    dict.fromkeys(_forbidden, _secrets),
    optional={name: _anything | st.just(row().get(name)) for name in sorted(ExtendedRow.__struct_fields__)},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.one_of(_row, _row, _row, _anything), min_size=1, max_size=8), st.sampled_from([None, 1]))
def test_any_rows_become_events_or_refusals_without_a_secret(
    tmp_path: Path, made: list[Any], indent: int | None
) -> None:
    """Never a crash; what is counted as sound is what the worker takes, and the rest it refuses."""
    path = write(tmp_path / "f.json", json.dumps([row(), *made], indent=indent).encode())
    records = read(path)
    assert len(records) == len(made) + 1
    for record in records:
        assert SECRET.encode() not in record.value
        try:
            codec.decode_value(PlayRecorded, record.value, now=NOW)
        except Refused:
            assert record.sighting_id == 0
        else:
            assert record.sighting_id != 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_file_with_flipped_bytes_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(json.dumps([row() for _ in range(4)], indent=1).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(len(raw) // 4, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        records = read(write(tmp_path / "f.json", bytes(raw)))
    except UserError:
        return
    for record in records:
        try:
            codec.decode_value(PlayRecorded, record.value, now=NOW)
        except Refused:
            assert record.sighting_id == 0
        else:
            assert record.sighting_id != 0
