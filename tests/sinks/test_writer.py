"""The store: what is written is what is read, once; look-ups by span; erasing."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks import spans as intervals
from sinks.clickhouse import ClickHouse
from sinks.writer import Writer
from streams.contracts.errors import StoreUnavailable
from streams.contracts.ids import to_hex
from streams.contracts.ports import Span
from streams.contracts.tables import DEAD_LETTERS, IMPORT_ROWS, PLAYBACK, SIGHTINGS
from tests.support.rows import NOON_MS, import_rows_table, play, plays_table, sighting, sightings_table

LISTENER = 2**64 - 7  # does not fit into a signed integer
NO_ROWS = IMPORT_ROWS.empty_table()
HOUR = 3_600_000


def test_sightings_come_back_as_they_went_in(store: Writer) -> None:
    told = sighting(
        LISTENER,
        artist_names=["Björk", "Ånd'\\\n"],
        artist_ids=["", "x"],
        shuffle=True,
        skipped=False,
        ms_played=None,
        started_at=NOON_MS - 5,
        import_id=2**63 + 1,
    )
    written = sightings_table(told, sighting(LISTENER, NOON_MS + 1))
    store.write_sightings(written, import_rows_table(2**63 + 1, told))
    assert store.sightings_after(LISTENER, -1, 99).to_pylist() == written.to_pylist()
    assert store.sightings_after(LISTENER, -1, 99).schema.equals(SIGHTINGS)


def test_writing_twice_counts_once(store: Writer, clickhouse: ClickHouse) -> None:
    rows = sightings_table(*(sighting(LISTENER, NOON_MS + n) for n in range(10)))
    store.write_sightings(rows, NO_ROWS)
    store.write_sightings(rows, NO_ROWS)
    store.write_plays(plays_table(play(LISTENER)))
    store.write_plays(plays_table(play(LISTENER)))
    assert store.sightings_after(LISTENER, -1, 99).num_rows == 10
    assert clickhouse.scalar("SELECT count() FROM v_plays") == 1


def test_a_removal_takes_its_play_away_whatever_its_other_columns(store: Writer, clickhouse: ClickHouse) -> None:
    live = play(LISTENER)
    removal = {"listener": LISTENER, "play_id": live["play_id"], "version": 2, "is_deleted": 1}
    store.write_plays(plays_table(live))
    store.write_plays(plays_table(removal))  # every other column null
    assert clickhouse.scalar("SELECT count() FROM v_plays") == 0
    store.write_plays(plays_table(play(LISTENER, version=3)))
    assert clickhouse.scalar("SELECT count() FROM v_plays") == 1


def test_dictionaries_of_several_batches_are_unified(store: Writer, clickhouse: ClickHouse) -> None:
    first, second = plays_table(play(LISTENER)), plays_table(play(LISTENER, NOON_MS + 1000, genre="pop"))
    both = pa.concat_tables(
        [
            t.set_column(t.schema.get_field_index("genre"), "genre", t["genre"].dictionary_encode())
            for t in (first, second)
        ]
    )
    store.write_plays(both)
    assert clickhouse.query("SELECT genre FROM v_plays ORDER BY play_id") == [("jazz",), ("pop",)]


def test_years_apart_in_one_insert(store: Writer, clickhouse: ClickHouse) -> None:
    ends = [NOON_MS - n * 365 * 24 * HOUR for n in range(15)]
    store.write_plays(plays_table(*(play(LISTENER, end) for end in ends)))
    assert clickhouse.scalar("SELECT count() FROM v_plays") == 15


def test_newest_version(store: Writer) -> None:
    assert store.newest_version() == 0
    store.write_plays(plays_table(play(LISTENER, version=7)))
    store.write_sightings(sightings_table(sighting(LISTENER, version=2**60)), NO_ROWS)
    assert store.newest_version() == 2**60
    known = sighting(LISTENER)
    store.write_sightings(sightings_table(), import_rows_table(5, known | {"version": 2**60 + 1}))
    assert store.newest_version() == 2**60 + 1, "an import of known rows writes nothing else"


@pytest.mark.parametrize(
    ("width", "apart"),
    [(1, HOUR), (intervals.EXACT + 1, 4_000), (intervals.EXACT + 1, HOUR)],
    ids=["each by itself", "all between", "buckets"],
)
def test_sightings_within_spans(store: Writer, width: int, apart: int) -> None:
    rows = [sighting(who, NOON_MS + n * apart) for who in (1, 5, LISTENER) for n in range(2 * width + 2)]
    rows.append(sighting(99, NOON_MS + apart))
    gone = sighting(1, NOON_MS - 1)
    store.write_sightings(sightings_table(*rows, gone), NO_ROWS)
    store.write_sightings(sightings_table(gone | {"version": 2, "is_deleted": 1}), NO_ROWS)
    spans = [
        Span(who, NOON_MS + n * apart - apart // 2, NOON_MS + n * apart)
        for who in (1, LISTENER)
        for n in range(0, 2 * width, 2)
    ]
    found = store.sightings_within(spans)
    wanted = {(s.listener, s.end) for s in spans}
    assert {(r["listener"], int(r["ended_at"].timestamp() * 1000)) for r in found.to_pylist()} == wanted
    assert found.num_rows == len(wanted)
    assert found.schema.equals(SIGHTINGS)


def test_what_is_asked_of_listeners_first_heard(store: Writer) -> None:
    late = sighting(LISTENER, NOON_MS, reported_end=NOON_MS + HOUR)
    store.write_sightings(sightings_table(late, sighting(LISTENER, NOON_MS - 1), sighting(1, NOON_MS + 1)), NO_ROWS)
    assert store.newest_ends([LISTENER, 1, 5]) == {LISTENER: NOON_MS, 1: NOON_MS + 1}
    corrected = store.corrected_ends([LISTENER, 1, 5]).to_pylist()
    assert [(row["listener"], row["sighting_id"]) for row in corrected] == [(LISTENER, late["sighting_id"])]
    assert int(corrected[0]["ended_at"].timestamp() * 1000) == NOON_MS
    assert store.corrected_ends([5]).num_rows == 0


def test_sightings_after(store: Writer) -> None:
    rows = sightings_table(*(sighting(LISTENER, NOON_MS + n) for n in range(5)), sighting(1, NOON_MS + 1))
    store.write_sightings(rows, NO_ROWS)
    assert store.sightings_after(LISTENER, NOON_MS + 1, 2).to_pylist() == rows.slice(2, 2).to_pylist()
    assert store.sightings_after(LISTENER, -1, 9).num_rows == 5
    assert store.sightings_after(5, -1, 9).equals(SIGHTINGS.empty_table())


def test_a_key_twice_in_one_insert_is_its_highest_version(store: Writer, clickhouse: ClickHouse) -> None:
    twice = [play(LISTENER, version=2, genre="pop"), play(LISTENER, version=3, genre="rock"), play(LISTENER)]
    store.write_plays(plays_table(*twice))
    assert clickhouse.query("SELECT genre FROM v_plays") == [("rock",)]


def test_no_spans_no_sightings(store: Writer) -> None:
    assert store.sightings_within([]).equals(SIGHTINGS.empty_table())
    assert store.sightings_within([Span(1, 0, 1)]).equals(SIGHTINGS.empty_table())


Spans = st.lists(
    st.builds(
        lambda who, a, b: Span(who, min(a, b), max(a, b)), st.sampled_from([0, 3, 2**64 - 1]), *[st.integers(0, 50)] * 2
    ),
    min_size=1,
    max_size=12,
)


@given(Spans)
def test_mask_is_membership(spans: list[Span]) -> None:
    rows = [(who, t) for who in (0, 2, 3, 9, 2**64 - 1) for t in range(52)]
    listeners, times = np.array([r[0] for r in rows], dtype=np.uint64), np.array([r[1] for r in rows], dtype=np.int64)
    inside = intervals.mask(intervals.merged(spans), listeners, times)
    expected = [any(s.listener == who and s.start <= t <= s.end for s in spans) for who, t in rows]
    assert inside.tolist() == expected


def _dead_letter(number: int, **columns: object) -> dict[str, object]:
    row = dict.fromkeys(DEAD_LETTERS.names, "") | {
        "dead_letter_id": number,
        "refused_at": NOON_MS,
        "listener": 0,
        "import_id": 0,
        "partition": 0,
        "offset": 3,
        "published_at": NOON_MS,
        "key": None,
        "payload": b"\xff{",
        "headers": [("a", "b")],
    }
    return row | columns


def test_dead_letters_keep_their_bytes(store: Writer, clickhouse: ClickHouse) -> None:
    store.write_dead_letters(pa.Table.from_pylist([_dead_letter(1)], schema=DEAD_LETTERS))
    rows = clickhouse.query("SELECT payload, key, headers FROM v_dead_letters", column_formats={"payload": "bytes"})
    assert rows == [(b"\xff{", None, {"a": "b"})]


def test_playback_keeps_the_newest(store: Writer, clickhouse: ClickHouse) -> None:
    def now(at: int, title: str) -> pa.Table:
        row = dict.fromkeys(PLAYBACK.names, "") | {
            "listener": LISTENER, "observed_at": at, "is_playing": True, "title": title,
            "artist_names": ["A"], "progress_ms": 1, "duration_ms": None,
        }  # fmt: skip
        return pa.Table.from_pylist([row], schema=PLAYBACK)

    store.write_playback(now(NOON_MS + 2, "new"))
    store.write_playback(now(NOON_MS, "old"))
    assert clickhouse.query("SELECT title FROM v_playback") == [("new",)]


def test_erase_leaves_nothing_but_a_tombstone(store: Writer, clickhouse: ClickHouse) -> None:
    for who, name in ((LISTENER, "Ada"), (1, "Ben")):
        clickhouse.command(
            "INSERT INTO listeners (listener, version, name, account_id, created_at, zones) VALUES "
            "({l:UInt64}, 1, {n:String}, 'acc', now(), [(0, 'Europe/Berlin')])",
            {"l": who, "n": name},
        )
        told = sighting(who, import_id=who)
        store.write_sightings(sightings_table(told), import_rows_table(who, told))
        store.write_plays(plays_table(play(who), play(who, NOON_MS + HOUR)))
        clickhouse.command(f"INSERT INTO imports (listener, import_id, version) VALUES ({who}, {who}, 1)")
        letters = [
            _dead_letter(who - 1, listener=who),
            _dead_letter(who - 2, key=to_hex(who).encode()),
            _dead_letter(who - 3, import_id=who),
        ] if who > 3 else [_dead_letter(77, listener=who)]  # fmt: skip
        store.write_dead_letters(pa.Table.from_pylist(letters, schema=DEAD_LETTERS))
    store.write_plays(plays_table(play(LISTENER, version=2)))  # a superseded row must go as well

    counts = store.erase(LISTENER)

    assert (counts["plays"], counts["sightings"], counts["import_rows"], counts["dead_letters"]) == (2, 1, 1, 3)
    for table in ("plays", "sightings", "import_rows", "imports"):
        assert clickhouse.query(f"SELECT DISTINCT listener FROM {table}") == [(1,)], table
    assert clickhouse.query("SELECT dead_letter_id FROM dead_letters") == [(77,)]
    tombs = clickhouse.query("SELECT name, account_id, erased_at IS NOT NULL FROM listeners WHERE listener != 1")
    assert tombs == [("", "", True)]
    assert clickhouse.query("SELECT name FROM v_listeners") == [("Ben",)]
    assert set(store.erase(LISTENER).values()) == {0}  # again, after a crash say

    store.write_plays(plays_table(play(LISTENER)))  # what comes after is not swallowed
    assert clickhouse.scalar("SELECT count() FROM v_plays WHERE listener != 1") == 1


def test_wrong_columns_are_our_fault(store: Writer) -> None:
    with pytest.raises(ValueError, match="columns for plays"):
        store.write_plays(plays_table(play(1)).drop_columns(["genre"]))


def test_waits_for_the_store_and_gives_up_only_when_stopping(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping, tries = threading.Event(), []
    real = clickhouse.insert_arrow

    def flaky(table: str, rows: pa.Table) -> None:
        tries.append(table)
        if len(tries) < 4:
            raise StoreUnavailable("away")
        real(table, rows)

    monkeypatch.setattr(clickhouse, "insert_arrow", flaky)
    store = Writer(clickhouse, stopping)
    store.write_plays(plays_table(play(1)))
    assert len(tries) == 4
    assert clickhouse.scalar("SELECT count() FROM v_plays") == 1
    tries.clear()
    stopping.set()
    with pytest.raises(StoreUnavailable):
        store.write_plays(plays_table(play(1)))
    assert len(tries) == 1
