"""Events encoded by column are, byte for byte, what the codec makes of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.contracts import codec
from streams.contracts.events import PlayEnriched
from streams.contracts.tables import PLAYS
from streams.telling import Messages, by_column, by_row, removed, told

WORST = 'a "quote", a \\ and \x00\x01\b\t\n\x1f\x7f\x80\u2028\u2029 / \ufeff\ufffd <é> 日本 👩‍👩‍👧 \U0010ffff e\u0301'

ids = st.integers(0, 2**64 - 1)
texts = st.one_of(st.sampled_from(["", "rock", WORST, "null", " "]), st.text())
moments = st.none() | st.integers(1_136_073_600_000, 4_294_967_295_000)
rows = st.fixed_dictionaries(
    {
        "listener": ids,
        "play_id": ids,
        "version": ids,
        "ended_at": moments,
        "started_at": moments,
        "ms_played": st.none() | st.integers(0, 86_400_000),
        "local_date": st.none() | st.dates(date(2006, 1, 1), date(2105, 12, 31)),
        "local_hour": st.none() | st.integers(0, 23),
        "weekday": st.none() | st.integers(1, 7),
        "utc_offset_minutes": st.none() | st.integers(-900, 900),
        "season": st.sampled_from(["", "winter", "summer"]),
        **dict.fromkeys(("uri", "title", "artist", "artist_id", "album", "image_url", "genre", "subgenre"), texts),
    }
)  # fmt: skip


def table(said: list[dict[str, Any]]) -> pa.Table:
    """Rows of schema PLAYS; what is not said is null."""
    return pa.table([pa.array([row.get(field.name) for row in said], field.type) for field in PLAYS], schema=PLAYS)


def event(row: dict[str, Any]) -> PlayEnriched:
    """The event of a row, the plain way."""
    known = {name: value for name, value in row.items() if value is not None}
    if "local_date" in known:
        known["local_date"] = known["local_date"].isoformat()
    return PlayEnriched(**known | {"listener": f"{row['listener']:016x}", "play_id": f"{row['play_id']:016x}"})


def as_events(said: list[dict[str, Any]]) -> Messages:
    events = [event(row) for row in said]
    return Messages([each.listener.encode() for each in events], [codec.encode(each) for each in events])


@pytest.mark.parametrize("way", [by_column, by_row])
@settings(deadline=None)  # the first call of a kernel of Arrow is slow
@given(said=st.lists(rows, min_size=1, max_size=8))
@example(said=[dict.fromkeys(PlayEnriched.__struct_fields__[4:], None) | {"listener": 0, "play_id": 1, "version": 0}])
def test_both_ways_write_what_the_codec_writes(way: Any, said: list[dict[str, Any]]) -> None:
    assert way(table(said)) == as_events(said)


@settings(deadline=None)  # the first call of a kernel of Arrow is slow
@given(said=st.lists(rows, min_size=1, max_size=8), cut=st.integers(0, 8))
def test_neither_chunks_nor_slices_matter(said: list[dict[str, Any]], cut: int) -> None:
    whole = table(said)
    chunked = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    assert by_column(chunked) == as_events(said)
    assert by_column(whole.slice(min(cut, len(said) - 1))) == as_events(said[min(cut, len(said) - 1) :])


@pytest.mark.parametrize("count", [0, 1, 499, 500, 1200])
def test_few_and_many_rows_are_told_alike(count: int) -> None:
    said = [
        {"listener": 1 + n % 3, "play_id": n, "version": 7, "uri": f"u{n}", "title": WORST, "local_hour": n % 24}
        for n in range(count)
    ]
    assert told(table(said)) == as_events(said)


def test_every_field_of_the_event_is_told() -> None:
    row = {
        "listener": 2**64 - 1, "play_id": 1, "version": 3, "ended_at": 1_700_000_000_000,
        "started_at": 1_699_999_900_000, "ms_played": 0, "uri": "u", "title": "t", "artist": "a", "artist_id": "i",
        "album": "b", "image_url": "m", "local_date": date(2023, 11, 14), "local_hour": 0, "weekday": 2,
        "utc_offset_minutes": 0, "season": "autumn", "genre": "g", "subgenre": "s",
    }  # fmt: skip
    (value,) = by_column(table([row])).values
    assert set(msgspec.json.decode(value)) == set(PlayEnriched.__struct_fields__) - {"removed"}
    assert codec.decode_value(PlayEnriched, value, now=1_700_000_000_000) == event(row)


def test_removals() -> None:
    assert removed([1, 1], [5, 2**64 - 1], 9) == Messages(
        [b"0000000000000001"] * 2,
        [
            codec.encode(PlayEnriched(listener="0" * 15 + "1", play_id=play_id, version=9, removed=True))
            for play_id in ("0" * 15 + "5", "f" * 16)
        ],
    )
    assert len(removed([], [], 9)) == 0


def test_messages_add_up() -> None:
    both = removed([1], [5], 9)
    both += removed([2], [6], 9)
    assert both == removed([1, 2], [5, 6], 9)
