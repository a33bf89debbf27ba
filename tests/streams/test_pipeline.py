"""A slice through the pipeline: what is stored, what is refused and why, and what stops it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace

from sinks.clickhouse import ClickHouse
from sinks.commands import Commands
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
from tests.streams.memory import MemoryCommands, MemoryReference, MemoryStore
from tests.streams.worlds import EVENING, LISTENER, NOW, heard, records

IMPORT = "00000000000000aa"
POLL = "spotify.recently-played"


class Bench:
    """A pipeline and everything round it, in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.reference = MemoryReference()
        self.commands = MemoryCommands()
        self.pipeline = Pipeline(self.store, self.reference, self.commands, clock=lambda: NOW)

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
    (event,) = outcome.enriched
    assert codec.decode_value(type(event), codec.encode(event), now=NOW) == event
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
    assert (outcome.stored, outcome.known, outcome.plays, outcome.enriched) == (0, 3, 0, [])
    assert sorted(key[1] for key in bench.store.import_rows) == [0xAA, 0xAA, 0xBB, 0xBB]
    assert {row["import_id"] for row in bench.store.sightings.values()} == {0xAA}


def test_a_known_sighting_is_found_by_the_end_that_its_source_reported(bench: Bench) -> None:
    bench.pipeline.run(records([heard(0)]))
    late = heard(0, ended_at=EVENING - 86_400_000, published_at=NOW, import_id=IMPORT)
    assert bench.pipeline.run(records([late])).known == 1
    assert next(iter(bench.store.import_rows.values()))["ended_at"] == EVENING


def test_episodes_are_sightings_and_no_plays(bench: Bench) -> None:
    outcome = bench.pipeline.run(records([heard(0, kind="episode"), heard(0, kind="chapter", track=1)]))
    assert (outcome.stored, outcome.plays, bench.live()) == (2, 0, [])
    assert bench.pipeline.run(records([heard(0, kind="episode")])).known == 1


def test_an_earlier_sighting_supersedes_the_id(bench: Bench) -> None:
    (first,) = bench.pipeline.run(records([heard(5)])).enriched
    outcome = bench.pipeline.run(records([heard(2, POLL)]))
    removed = {event.play_id for event in outcome.enriched if event.removed}
    assert removed == {first.play_id}
    assert len(bench.live()) == 1 and outcome.enriched[0].play_id not in removed


def test_a_chain_of_plays_is_closed_however_long_it_is(bench: Bench) -> None:
    loop = [heard(60 * number, ms_played=60_000) for number in range(100)]
    bench.pipeline.run(records(loop))
    outcome = bench.pipeline.run(records([heard(1, POLL, ms_played=None)]))
    assert outcome.plays == 100, "one new sighting touches the whole component"
    assert len(bench.live()) == 100


def test_versions_rise_even_when_the_clock_does_not() -> None:
    bench = Bench()
    versions = [bench.pipeline.run(records([heard(400 * n)])).enriched[0].version for n in range(3)]
    assert versions == sorted(set(versions))
    behind = Pipeline(bench.store, bench.reference, bench.commands, clock=lambda: NOW - 10**6)
    assert behind.run(records([heard(9000)])).enriched[0].version > versions[-1]


def fail_on(monkeypatch: pytest.MonkeyPatch, *titles: str) -> None:
    """Make the enrichment raise on plays of those titles, as a bug of ours would."""
    real = enriched

    def buggy(plays: dict[str, Any], *rest: Any) -> pa.Table:
        if set(titles) & set(plays["title"].to_pylist()):
            raise ZeroDivisionError("hunter2")
        return real(plays, *rest)

    monkeypatch.setattr("streams.pipeline.enriched", buggy)


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
@pytest.mark.parametrize("where", ["sightings_within", "listeners", "artists_by_name", "write_plays"])
def test_a_fault_of_the_store_is_no_records_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception
) -> None:
    def away(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(bench.store if hasattr(bench.store, where) else bench.reference, where, away)
    with pytest.raises(type(error)) as caught:
        bench.pipeline.run(records([heard(0)]))
    assert caught.value is error
    assert not (bench.store.sightings or bench.store.dead_letters)


def test_a_restamp_sees_what_changed_since(bench: Bench) -> None:
    bench.pipeline.run(records([heard(0), heard(1, POLL), heard(400), heard(0, kind="episode", track=4)]))
    before = bench.live()
    bench.reference.zone = "Pacific/Auckland"
    bench.commands.ask(LISTENER, "restamp")
    outcome = bench.pipeline.command(LISTENER)
    after = bench.live()
    assert [row["play_id"] for row in after] == [row["play_id"] for row in before]
    assert [row["time_zone"] for row in after] == ["Pacific/Auckland"] * 2
    assert [row["season"] for row in after] == ["winter"] * 2
    assert outcome.plays == 2 and {event.season for event in outcome.enriched if not event.removed} == {"winter"}
    assert not bench.commands.finished, "a crash before those are published must repeat it"
    bench.pipeline.conclude(outcome)
    assert bench.commands.finished[0][1] == "2 plays from 3 sightings"
    assert bench.pipeline.command(LISTENER).plays == 0


def test_a_restamp_leaves_the_same_plays_as_deriving_at_once(bench: Bench) -> None:
    for number in range(4):
        bench.pipeline.run(records([heard(30 * number, ("lastfm", POLL)[number % 2], ms_played=25_000)]))
    before = bench.store.live()
    bench.commands.ask(LISTENER, "restamp")
    bench.pipeline.command(LISTENER)
    assert bench.store.live() == before


def test_erasing_tells_the_readers_of_the_topic(bench: Bench) -> None:
    told = bench.pipeline.run(records([heard(0), heard(400)])).enriched
    bench.commands.ask(LISTENER, "erase")
    outcome = bench.pipeline.command(LISTENER)
    assert {event.play_id for event in outcome.enriched} == {event.play_id for event in told}
    assert all(event.removed and event.version > told[0].version for event in outcome.enriched)
    again = bench.pipeline.command(LISTENER)  # after a crash before they were published
    assert [event.play_id for event in again.enriched] == [event.play_id for event in outcome.enriched]
    assert not bench.commands.finished
    bench.pipeline.conclude(again)
    assert bench.live() == [] and bench.commands.finished[0][1] == "plays 2, sightings 2"


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
    assert (outcome.stored, outcome.refused, outcome.plays, outcome.enriched) == (0, 0, 0, [])


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
    commands = Commands(clickhouse)
    spying = Spying(clickhouse, stopping)
    pipeline = Pipeline(spying, reference, commands, clock=lambda: NOW)
    headers = codec.headers(import_id=IMPORT, origin="a.json#3")
    slice_ = [
        *records([heard(0, import_id=IMPORT), heard(1, POLL), heard(400, kind="episode")]),
        broken(b"{", *headers),
    ]
    outcome = pipeline.run(slice_)
    assert (outcome.stored, outcome.refused, outcome.plays, spying.asked) == (3, 1, 1, 1)
    counts = (
        "SELECT (SELECT count() FROM v_plays), (SELECT count() FROM v_sightings), (SELECT count() FROM import_rows)"
    )
    assert [tuple(row) for row in clickhouse.query(counts)] == [(1, 3, 1)]
    letter = clickhouse.query_dicts("SELECT reason, payload, origin, import_id FROM dead_letters FINAL")
    assert letter == [{"reason": "malformed-json", "payload": "{", "origin": "a.json#3", "import_id": 0xAA}]
    pipeline.playback([now_playing(NOW)])
    assert clickhouse.scalar("SELECT title FROM playback FINAL") == f"at {NOW}"

    Listeners(clickhouse).set_zone("ann", "Europe/Paris")
    commands.ask(LISTENER, "restamp")
    pipeline.conclude(pipeline.command(LISTENER))
    assert not commands.open_commands(LISTENER)
    assert clickhouse.scalar("SELECT time_zone FROM v_plays") == "Europe/Paris"
    commands.ask(LISTENER, "erase")
    outcome = pipeline.conclude(pipeline.command(LISTENER))
    assert [event.removed for event in outcome.enriched] == [True]
    assert not commands.open_commands(LISTENER)
    assert [tuple(row) for row in clickhouse.query(counts)] == [(0, 0, 0)]
    assert pipeline.run(slice_[:1]).refused == 1
