from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.history.elements import BLOCK, Elements
from producers.history.rows import ExtendedRow, Unread
from streams.contracts.errors import UserError
from tests.history.recording import row, rows

LIMIT = 4_000


def read(text: bytes | str, *, limit: int = LIMIT, step: int | None = None) -> list[Any]:
    stream = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    elements = Elements((lambda n: stream.read(min(n, step))) if step else stream.read, "f.json", limit)
    found = [each for batch in elements for each in batch]
    assert elements.consumed == len(stream.getvalue())
    return found


def titles(found: list[Any]) -> list[Any]:
    return [None if each is None else each.master_metadata_track_name for each in found]


@pytest.mark.parametrize("indent", [None, 2, 4])
@pytest.mark.parametrize("step", [None, 7, 1000])
def test_every_row_once_in_order(indent: int | None, step: int | None) -> None:
    made = [row(master_metadata_track_name=f't{n} }},{{ \\ " ]') for n in range(400)]
    found = read(json.dumps(made, indent=indent), step=step)
    assert titles(found) == [each["master_metadata_track_name"] for each in made]


def test_more_than_one_block_is_read_without_ever_holding_the_file() -> None:
    made = rows(600)
    text = json.dumps(made).encode()[1:-1]
    parts = iter([b"[", *([text + b","] * 120), text, b"]"])
    held = b""

    def stream(count: int) -> bytes:
        nonlocal held
        while len(held) < count and (part := next(parts, b"")):
            held += part
        found, held = held[:count], held[count:]
        return found

    tracemalloc.start()
    try:
        count = sum(len(batch) for batch in Elements(stream, "f.json"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 600 * 121
    assert peak < 12 * BLOCK < len(text) * 121 / 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"[]", []),
        (b" \n[ \t]\r\n ", []),
        (b"\xef\xbb\xbf[{}]", [None]),
        (b'[{"master_metadata_track_name":1},]', [1]),
    ],
)
def test_white_space_bom_and_last_comma(text: bytes, expected: list[Any]) -> None:
    assert titles(read(text)) == expected


@pytest.mark.parametrize(
    "broken",
    [
        "7", "null", '"text"', "[]", "[{}]", "nonsense", "{}{}", '{"a":}', '{"a":"\\x"}', "{'a': 1}", "",
        "[" * 500 + "]" * 500, '{"ts": "no end\n}',
    ],
)  # fmt: skip
def test_a_broken_row_spoils_no_other(broken: str) -> None:
    found = read(f"[{json.dumps(row())},\n{broken},\n{json.dumps(row())}]")
    assert titles(found)[0] == titles(found)[-1] == "Red Liberation"
    assert found[1:-1] and all(each is None or each.ts is None for each in found[1:-1])


@pytest.mark.parametrize(
    ("inside", "title"),
    [
        (b"9" * 10_000, 999_999_999_999_999_999),
        (b'"a\tb"', "a\tb"),
        (b"1e999", float("inf")),
        (b"Infinity", float("inf")),
    ],
)
def test_what_is_no_strict_json_is_forgiven(inside: bytes, title: Any) -> None:
    assert titles(read(b'[{"master_metadata_track_name":%b}]' % inside, limit=20_000)) == [title]


@pytest.mark.parametrize("inside", [b"Bj\xf6rk", b"\\ud800x", b"\xed\xa0\x80", b"\xff\t"])
def test_what_is_not_utf8_is_told_and_never_replaced(inside: bytes) -> None:
    spoilt = b'[{"master_metadata_track_name":"%b"},{"username":"%b","master_metadata_track_name":"kept"}]'
    first, second = read(spoilt % (inside, inside))
    assert first is Unread.NOT_UTF8
    assert isinstance(second, ExtendedRow)  # what is never looked at spoils nothing
    assert second.master_metadata_track_name == "kept"


def test_what_is_nested_deeply_is_looked_at_to_its_end() -> None:
    deep = b'[{"master_metadata_track_name":%b"\\ud800"%b}]'
    assert read(deep % (b"[" * 700, b"]" * 700)) == [Unread.NOT_UTF8]


def test_a_missing_quote_costs_one_row_of_a_file_with_lines() -> None:
    lines = json.dumps([row() for _ in range(50)], indent=2).split("\n")
    spoilt = next(n for n, line in enumerate(lines) if "fripSide" in line and n > 300)
    lines[spoilt] = lines[spoilt].replace('fripSide"', "fripSide")
    found = read("\n".join(lines))
    assert len(found) == 50
    assert sum(each is None for each in found) == 1


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * BLOCK])
def test_an_element_over_the_limit_is_skipped(size: int) -> None:
    huge = json.dumps(row(master_metadata_track_name="x" * size))
    found = read(f"[{json.dumps(row())},{huge},{json.dumps(row())}]")
    if size < BLOCK:  # decoded with its block, and no danger
        assert [isinstance(each, ExtendedRow) for each in found] == [True, True, True]
    else:
        assert [each is Unread.TOO_LONG for each in found] == [False, True, False]


@pytest.mark.parametrize("cut", [1, 2, 300, 900, -2, -1])
def test_a_truncated_file_is_named(cut: int) -> None:
    text = json.dumps([row(), row()], indent=1)
    with pytest.raises(UserError, match=r"f\.json ends in the middle"):
        read(text[:cut])


@pytest.mark.parametrize("text", ["", "{}", "7", "hello", '"[]"'])
def test_what_is_no_list_is_named(text: str) -> None:
    with pytest.raises(UserError, match="does not start with a bracket"):
        read(text)


def test_text_behind_the_list_is_named() -> None:
    with pytest.raises(UserError, match="goes on behind the end"):
        read("[{}] [{}]")


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_user_error(noise: bytes) -> None:
    try:
        found = read(b"[" + noise)
    except UserError:
        return
    assert all(each is None or isinstance(each, ExtendedRow) for each in found)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(_JSON, max_size=12), st.sampled_from([None, 1]), st.sampled_from([None, 1, 5]))
def test_any_json_array_gives_as_many_rows_as_elements(
    elements: list[Any], indent: int | None, step: int | None
) -> None:
    found = read(json.dumps(elements, indent=indent), step=step, limit=1 << 20)
    assert [each is None for each in found] == [not isinstance(each, dict) for each in elements]
