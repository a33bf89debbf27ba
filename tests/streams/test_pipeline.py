"""A slice through the pipeline: what is stored, what is refused and why, and what stops it."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace

from sinks.clickhouse import ClickHouse
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.contracts import codec
from streams.contracts.errors import StoreUnavailable, UserError
from streams.contracts.events import PlaybackChanged, PlayRecorded
from streams.contracts.ids import hash64, to_hex
from streams.contracts.ports import CatalogArtist, ListenerSettings, Span, ZonePeriod
from streams.contracts.record import Record
from streams.enrichment import enriched
from streams.pipeline import Pipeline
from streams.recent import Recent
from tests.streams.memory import MemoryReference, MemoryStore, at_once
from tests.streams.worlds import EVENING, LISTENER, NOW, SOURCES, heard, records, said

IMPORT = "00000000000000aa"
POLL = "spotify.recently-played"


class Bench:
    """A pipeline and everything round it, in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.reference = MemoryReference()
        self.pipeline = Pipeline(self.store, self.reference, clock=lambda: NOW)

    def live(self) -> list[dict[str, Any]]:
        return [row for _, row in sorted(self.store.live().items())]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def broken(value: bytes, *headers: tuple[str, bytes | None], offset: int = 7) -> Record:
    return Record("music.play.recorded.v1", 3, offset, NOW, to_hex(LISTENER).encode(), value, headers)


def test_a_play_is_stored_with_its_local_time_and_told(bench: Bench) -> None:
    bench.reference.artists["john coltrane"] = CatalogArtist(
        artist_id="2hGh", name="John Coltrane", genre="jazz", subgenre="hard bop"
    )
    outcome = bench.pipeline.run(records([heard(0, ms_played=7 * 60_000)]))
    assert (outcome.stored, outcome.known, outcome.refused, outcome.plays) == (1, 0, 0, 1)
    row = bench.live()[0]
    assert (row["local_hour"], row["utc_offset_minutes"], row["weekday"], row["season"]) == (16, 120, 7, "summer")
    assert (row["artist"], row["artist_id"], row["genre"], row["subgenre"]) == (
        "John Coltrane",
        "2hGh",
        "jazz",
        "hard bop",
    )
    (event,) = said(outcome.enriched)
    assert (event.listener, event.play_id) == (to_hex(LISTENER), to_hex(row["play_id"]))
    assert (event.local_date, event.local_hour, event.genre, event.removed) == ("2025-06-15", 16, "jazz", False)
    assert event.version == NOW * 1000


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ({"started_at": EVENING - 10 * 60_000}, 16),  # 17:06 there and then
        ({"ms_played": None, "duration_ms": 10 * 60_000}, 16),
        ({"ms_played": None}, 17),
    ],
)
def test_local_time_is_that_of_the_start_as_far_as_it_is_known(bench: Bench, said: dict[str, Any], hour: int) -> None:
    bench.pipeline.run(records([heard(0, **said)]))
    assert bench.live()[0]["local_hour"] == hour


def test_bad_records_become_dead_letters_and_the_rest_goes_on(bench: Bench) -> None:
    headers = [*codec.headers(import_id=IMPORT, origin="Streaming_History_Audio.json#17"), ("x", b"\xff")]
    value = b'{"listener": "00c0ffee00000001"}'
    good = records([heard(0), heard(400)])
    outcome = bench.pipeline.run([good[0], broken(value, *headers), good[1], broken(b"", offset=8)])
    assert (outcome.stored, outcome.refused, outcome.plays) == (2, 2, 2)
    rows = {row["offset"]: row for row in bench.store.dead_letters.values()}
    assert rows[7]["payload"] == value and rows[7]["key"] == to_hex(LISTENER).encode()
    assert (rows[7]["reason"], rows[7]["message"]) == ("missing-field", "source is missing")
    assert (rows[7]["listener"], rows[7]["import_id"], rows[7]["partition"]) == (LISTENER, 0xAA, 3)
    assert rows[7]["dead_letter_id"] == hash64(IMPORT, "Streaming_History_Audio.json#17")
    assert rows[8]["reason"] == "malformed-json" and rows[8]["import_id"] == 0
    key, payload, told = outcome.dead_letters[0]
    assert (key, payload, told[: len(headers)]) == (to_hex(LISTENER).encode(), value, headers)
    assert dict(told[len(headers) :]) == {
        "__connect.errors.topic": b"music.play.recorded.v1",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"7",
        "__connect.errors.exception.class.name": b"streams.contracts.errors.MissingField",
        "__connect.errors.exception.message": b"source is missing",
    }


def test_a_dead_letter_of_a_row_of_an_import_has_one_id_wherever_it_lies(bench: Bench) -> None:
    headers = codec.headers(import_id=IMPORT, origin="a.json#1")
    bench.pipeline.run([broken(b"", *headers), broken(b"", *headers, offset=9), broken(b""), broken(b"", offset=9)])
    assert len(bench.store.dead_letters) == 3


def test_nobody_and_the_erased_are_refused(bench: Bench) -> None:
    bench.reference.unknown = {5}
    bench.reference.erased = {6: NOW - 1000}
    outcome = bench.pipeline.run(
        records(
            [
                heard(0, listener=to_hex(5)),
                heard(0, listener=to_hex(6), published_at=NOW - 1000),
                heard(0, listener=to_hex(6), published_at=NOW - 999),
            ]
        )
    )
    assert (outcome.stored, outcome.refused) == (0, 3)
    reasons = {row["reason"]: row for row in bench.store.dead_letters.values()}
    assert set(reasons) == {"unknown-listener", "erased"}
    assert reasons["unknown-listener"]["payload"]
    assert reasons["erased"]["payload"] == b"", "what an erased listener sent is counted and not kept"
    assert outcome.dead_letters[1][1] == b""


def test_repeats_are_known_and_every_import_holds_its_rows(bench: Bench) -> None:
    first = [heard(second, import_id=IMPORT) for second in (0, 400, 400)]
    outcome = bench.pipeline.run(records(first))
    assert (outcome.stored, outcome.known, outcome.plays) == (2, 1, 2)
    again = [replace(event, import_id="00000000000000bb", published_at=NOW) for event in first]
    outcome = bench.pipeline.run(records(again))
    assert (outcome.stored, outcome.known, outcome.plays, len(outcome.enriched)) == (0, 3, 0, 0)
    assert sorted(key[1] for key in bench.store.import_rows) == [0xAA, 0xAA, 0xBB, 0xBB]
    assert {row["import_id"] for row in bench.store.sightings.values()} == {0xAA}


def test_a_known_sighting_is_found_by_the_end_that_its_source_reported(bench: Bench) -> None:
    bench.pipeline.run(records([heard(0)]))
    late = heard(0, ended_at=EVENING - 86_400_000, published_at=NOW, import_id=IMPORT)
    assert bench.pipeline.run(records([late])).known == 1
    assert next(iter(bench.store.import_rows.values()))["ended_at"] == EVENING


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("ends", list(itertools.permutations([None, -86_400_000, -7_200_000])))
def test_a_sighting_is_one_row_whatever_its_corrected_end(
    bench: Bench, ends: tuple[int | None, ...], forgotten: bool
) -> None:
    for number, off in enumerate(ends):
        again = heard(0, ended_at=None if off is None else EVENING + off, published_at=NOW + number, import_id=IMPORT)
        bench.pipeline.run(records([again]))
        if forgotten:
            bench.pipeline.forget()
    assert len(bench.store.sightings) == len(bench.live()) == len(bench.store.import_rows) == 1
    assert next(iter(bench.store.import_rows.values()))["ended_at"] == EVENING + (ends[0] or 0)


def test_two_ends_of_one_sighting_in_one_slice_are_one_row(bench: Bench) -> None:
    early, late = heard(0, ended_at=EVENING - 86_400_000), heard(0, ended_at=EVENING - 7_200_000)
    outcome = bench.pipeline.run(records([early, late, heard(0)]))
    assert (outcome.stored, outcome.known, outcome.plays) == (1, 2, 1)


def test_every_source_of_a_play_at_new_year_is_one_play(bench: Bench) -> None:
    midnight = (1_767_225_600_000 - EVENING) / 1000 - 365 * 86_400  # 2025-01-01T00:00:00Z
    seen = [heard(midnight + n - 2, source, ms_played=None) for n, source in enumerate(SOURCES[:5])]
    for event in reversed(seen):
        bench.pipeline.run(records([event]))
    (row,) = bench.live()
    assert row["sources"] == list(SOURCES[:5]) and row["local_date"].isoformat() == "2025-01-01"
    assert bench.store.live() == at_once(seen)


def test_two_real_plays_of_a_short_track_stay_two_from_every_source(bench: Bench) -> None:
    twice = [heard(at + n / 10, source, ms_played=20_000) for at in (0, 20) for n, source in enumerate(SOURCES[:4])]
    for event in random.Random(1).sample(twice, len(twice)):
        bench.pipeline.run(records([event]))
    assert len(bench.live()) == 2
    assert bench.store.live() == at_once(twice)


def test_what_comes_in_order_asks_the_store_for_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[Span]] = []
    real = bench.store.sightings_within

    def spying(spans: Sequence[Span]) -> pa.Table:
        asked.append(spans)
        return real(spans)

    monkeypatch.setattr(bench.store, "sightings_within", spying)
    evening = [heard(200 * n, ("lastfm", POLL)[n % 2]) for n in range(60)]
    for number in range(0, 60, 7):
        bench.pipeline.run(records(evening[number : number + 7]))
    assert not asked
    bench.pipeline.forget()
    bench.pipeline.run(records([heard(200 * 59 + 100)]))
    assert [(span.start - EVENING, span.end - EVENING) for spans in asked for span in spans] == [
        (11_720_000, 11_800_999)
    ], "from 180 s before on, but no further than what is stored"


@pytest.mark.parametrize(("tails", "asks"), [(1_000, False), (0, True)])
def test_more_plays_in_three_minutes_than_memory_keeps_ask_the_store_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tails: int, asks: bool
) -> None:
    """A thousand plays a second fill the memory in seconds, and each asks for three minutes."""
    store, asked = MemoryStore(), list[Sequence[Span]]()
    real = store.sightings_within

    def spying(spans: Sequence[Span]) -> pa.Table:
        asked.append(spans)
        return real(spans)

    monkeypatch.setattr(store, "sightings_within", spying)
    pipeline = Pipeline(store, MemoryReference(), clock=lambda: NOW, recent=Recent(rows=8, tails=tails))
    evening = [heard(2 * n, POLL, uri=f"spotify:track:{n}", title=f"Song {n}") for n in range(200)]
    for number in range(0, 200, 7):
        pipeline.run(records(evening[number : number + 7]))
    assert bool(asked) is asks
    assert store.live() == at_once(evening)


def test_episodes_are_sightings_and_no_plays(bench: Bench) -> None:
    outcome = bench.pipeline.run(records([heard(0, kind="episode"), heard(0, kind="chapter", track=1)]))
    assert (outcome.stored, outcome.plays, bench.live()) == (2, 0, [])
    assert bench.pipeline.run(records([heard(0, kind="episode")])).known == 1


def test_an_earlier_sighting_supersedes_the_id(bench: Bench) -> None:
    (first,) = said(bench.pipeline.run(records([heard(5)])).enriched)
    outcome = bench.pipeline.run(records([heard(2, POLL)]))
    events = said(outcome.enriched)
    removed = {event.play_id for event in events if event.removed}
    assert removed == {first.play_id}
    assert len(bench.live()) == 1 and events[0].play_id not in removed


def test_a_chain_of_plays_is_closed_however_long_it_is(bench: Bench) -> None:
    loop = [heard(60 * number, ms_played=60_000) for number in range(100)]
    bench.pipeline.run(records(loop))
    outcome = bench.pipeline.run(records([heard(1, POLL, ms_played=None)]))
    assert outcome.plays == 100, "one new sighting touches the whole component"
    assert len(bench.live()) == 100


def test_versions_rise_even_when_the_clock_does_not() -> None:
    bench = Bench()
    versions = [said(bench.pipeline.run(records([heard(400 * n)])).enriched)[0].version for n in range(3)]
    assert versions == sorted(set(versions))
    behind = Pipeline(bench.store, bench.reference, clock=lambda: NOW - 10**6)
    assert said(behind.run(records([heard(9000)])).enriched)[0].version > versions[-1]


def fail_on(monkeypatch: pytest.MonkeyPatch, *titles: str) -> None:
    """Make the enrichment raise on plays of those titles, as a bug of ours would."""
    real = enriched

    def buggy(plays: dict[str, Any], *rest: Any) -> pa.Table:
        if set(titles) & set(plays["title"].to_pylist()):
            raise ZeroDivisionError("hunter2")
        return real(plays, *rest)

    monkeypatch.setattr("streams.derivation.enriched", buggy)


def named(count: int, start: int = 0) -> list[PlayRecorded]:
    return [heard(400 * n, uri=f"spotify:track:{n}", title=f"t{n}") for n in range(start, start + count)]


def test_a_fault_of_ours_is_traced_to_its_record(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_on(monkeypatch, "t3", "t11")
    outcome = bench.pipeline.run(records(named(40)))
    assert (outcome.stored, outcome.refused, outcome.plays) == (38, 2, 38)
    letters = list(bench.store.dead_letters.values())
    assert {row["reason"] for row in letters} == {"our-fault"}
    assert {row["offset"] for row in letters} == {3, 11}
    assert letters[0]["message"].startswith("ZeroDivisionError in ") and "hunter2" not in letters[0]["message"]


def test_too_many_faults_of_ours_stop_it_and_nothing_is_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_on(monkeypatch, "t3", "t11", "t12", "t13")
    with pytest.raises(ZeroDivisionError):
        bench.pipeline.run(records(named(40)))
    assert not (bench.store.plays or bench.store.sightings or bench.store.dead_letters)


def test_small_slices_count_together(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_on(monkeypatch, *(f"t{n}" for n in range(9)))
    for number in range(3):
        assert bench.pipeline.run(records(named(1, number), offset=number)).refused == 1
    with pytest.raises(ZeroDivisionError):
        bench.pipeline.run(records(named(1, 3), offset=3))


def test_a_fault_while_decoding_is_ours_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = codec.decode

    def buggy(event_type: Any, record: Record, *, now_ms: int) -> Any:
        if record.offset == 1:
            raise KeyError("hunter2")
        return real(event_type, record, now_ms=now_ms)

    monkeypatch.setattr(codec, "decode", buggy)
    outcome = bench.pipeline.run(records(named(3)))
    assert (outcome.stored, outcome.refused) == (2, 1)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), UserError("full"), RuntimeError("bug in the engine")])
@pytest.mark.parametrize(
    "where", ["newest_ends", "corrected_ends", "sightings_within", "listeners", "artists_by_name", "write_plays"]
)
def test_a_fault_of_the_store_is_no_records_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception
) -> None:
    def away(*_: Any) -> Any:
        raise error

    bench.pipeline.run(records([heard(0)]))
    bench.pipeline.forget()
    monkeypatch.setattr(bench.store if hasattr(bench.store, where) else bench.reference, where, away)
    with pytest.raises(type(error)) as caught:
        bench.pipeline.run(records([heard(1, "lastfm")]))
    assert caught.value is error
    assert len(bench.store.sightings) == 1 and not bench.store.dead_letters
    monkeypatch.undo()
    bench.pipeline.run(records([heard(1, "lastfm")]))
    assert len(bench.store.sightings) == 2, "also when only memory knew it"


def test_deriving_again_sees_what_changed_since(bench: Bench) -> None:
    bench.pipeline.run(records([heard(0), heard(1, POLL), heard(400), heard(0, kind="episode", track=4)]))
    before = bench.live()
    bench.reference.zone = "Pacific/Auckland"
    (outcome,) = bench.pipeline.derive_again(LISTENER)
    after = bench.live()
    assert [row["play_id"] for row in after] == [row["play_id"] for row in before]
    assert [row["time_zone"] for row in after] == ["Pacific/Auckland"] * 2
    assert [row["season"] for row in after] == ["winter"] * 2
    assert outcome.plays == 2 and outcome.known == 3
    assert {event.season for event in said(outcome.enriched) if not event.removed} == {"winter"}
    bench.reference.unknown = {LISTENER}
    assert list(bench.pipeline.derive_again(LISTENER)) == []


def test_deriving_again_in_pieces_leaves_the_same_plays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    evenings = [heard(day * 10_000 + 30 * n, chance.choice(["lastfm", POLL])) for day in range(9) for n in range(5)]
    for number in range(0, len(evenings), 4):
        bench.pipeline.run(records(evenings[number : number + 4]))
    before = bench.store.live()
    monkeypatch.setattr("streams.pipeline.ROWS_AT_ONCE", 7)
    pieces = [outcome.known for outcome in bench.pipeline.derive_again(LISTENER)]
    assert bench.store.live() == before
    assert sum(pieces) == 45 and len(pieces) == 9 and max(pieces) == 5


def test_what_is_in_flight_while_a_listener_is_derived_again_stays(bench: Bench) -> None:
    bench.pipeline.run(records([heard(0), heard(400)]))
    flying = bench.pipeline.prepare(records([heard(2, POLL), heard(800)]))
    again = bench.pipeline.derive_again(LISTENER)
    bench.pipeline.store(flying)
    assert sum(outcome.known for outcome in again) == 4
    assert bench.store.live() == at_once([heard(0), heard(400), heard(2, POLL), heard(800)])


def test_a_dead_letter_can_always_be_published(bench: Bench) -> None:
    whole = broken(b"{", ("foreign", None))
    large = broken(b"x" * (1 << 20), ("foreign", b"y"), offset=8)
    outcome = bench.pipeline.run([whole, large])
    (key, value, headers), (large_key, large_value, large_headers) = outcome.dead_letters
    assert (key, value, headers[0]) == (whole.key, b"{", ("foreign", None))
    assert (large_key, large_value) == (large.key, None)
    assert sum(len(name) + len(text or b"") for name, text in large_headers) < 1024
    assert b"ClickHouse only" in (dict(large_headers)["__connect.errors.exception.message"] or b"")
    assert {row["payload"] for row in bench.store.dead_letters.values()} == {b"{", large.value}


def now_playing(at: int, listener: int = LISTENER) -> Record:
    event = PlaybackChanged(listener=to_hex(listener), observed_at=at, is_playing=True, title=f"at {at}")
    return Record("music.playback.changed.v1", 0, at, at, None, codec.encode(event), codec.headers())


def test_playback_keeps_the_newest_of_each_listener(bench: Bench) -> None:
    bench.reference.unknown = {5}
    slice_ = [now_playing(NOW), now_playing(NOW - 5), now_playing(NOW, 5), broken(b"?"), now_playing(NOW - 9, 6)]
    outcome = bench.pipeline.playback(slice_)
    assert (outcome.stored, outcome.refused) == (3, 2)
    assert {row["listener"]: row["title"] for row in bench.store.playback.values()} == {
        LISTENER: f"at {NOW}",
        6: f"at {NOW - 9}",
    }


def test_nothing_makes_nothing(bench: Bench) -> None:
    outcome = bench.pipeline.run([])
    assert (outcome.stored, outcome.refused, outcome.plays, len(outcome.enriched)) == (0, 0, 0, 0)


class Spying(Writer):
    """The real store; remembers how often it was asked."""

    asked: int = 0

    def sightings_within(self, spans: Sequence[Span]) -> pa.Table:
        self.asked += 1
        return super().sightings_within(spans)


def test_the_whole_way_on_clickhouse(
    clickhouse: ClickHouse, reference: ClickHouseReference, stopping: threading.Event
) -> None:
    Listeners(clickhouse).put(ListenerSettings(listener=LISTENER, name="ann", zones=(ZonePeriod(0, "Asia/Tokyo"),)))
    spying = Spying(clickhouse, stopping)
    pipeline = Pipeline(spying, reference, clock=lambda: NOW)
    headers = codec.headers(import_id=IMPORT, origin="a.json#3")
    slice_ = [
        *records([heard(0, import_id=IMPORT), heard(1, POLL), heard(400, kind="episode")]),
        broken(b"{", *headers),
    ]
    outcome = pipeline.run(slice_)
    assert (outcome.stored, outcome.refused, outcome.plays, spying.asked) == (3, 1, 1, 0)
    counts = (
        "SELECT (SELECT count() FROM v_plays), (SELECT count() FROM v_sightings), "
        "(SELECT count() FROM import_rows FINAL)"
    )
    assert [tuple(row) for row in clickhouse.query(counts)] == [(1, 3, 1)]
    letter = clickhouse.query_dicts("SELECT reason, payload, origin, import_id FROM dead_letters FINAL")
    assert letter == [{"reason": "malformed-json", "payload": "{", "origin": "a.json#3", "import_id": 0xAA}]
    pipeline.playback([now_playing(NOW)])
    assert clickhouse.scalar("SELECT title FROM playback FINAL") == f"at {NOW}"

    Listeners(clickhouse).set_zone("ann", "Europe/Paris")
    assert [outcome.plays for outcome in pipeline.derive_again(LISTENER)] == [1]
    assert clickhouse.scalar("SELECT time_zone FROM v_plays") == "Europe/Paris"

    pipeline.forget()  # a rebalance: what memory knew is asked of ClickHouse
    again = pipeline.run(slice_[:2])
    assert (again.stored, again.known, again.plays, spying.asked) == (0, 2, 1, 1)
    assert [tuple(row) for row in clickhouse.query(counts)] == [(1, 3, 1)]
